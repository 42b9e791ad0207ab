package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"crosswalk/workflows"
)

// SearchAttributes are those that cases are found by in Temporal.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		workflows.AttributeUseCase:    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeStage:      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeWaitingFor: enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	}
}

// RegisterSearchAttributes makes the search attributes known to an existing Temporal cluster. The embedded engine
// knows them when it starts.
func RegisterSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	known, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("worker: the search attributes of %s: %w", namespace, err)
	}
	wanted := SearchAttributes()
	for name, kind := range known.CustomAttributes {
		if want, ours := wanted[name]; ours && want != kind {
			return fmt.Errorf("worker: the search attribute %s of %s is a %s, and must be a %s", name, namespace, kind, want)
		}
		maps.DeleteFunc(wanted, func(n string, _ enumspb.IndexedValueType) bool { return n == name })
	}
	if len(wanted) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: wanted})
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("worker: register search attributes in %s: %w", namespace, err)
	}
	return nil
}
