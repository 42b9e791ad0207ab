package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

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

// PrepareNamespace makes an existing Temporal ready for cases: the namespace, if it is not there, and the search
// attributes. Several processes may do so at once.
func PrepareNamespace(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{Namespace: namespace,
			WorkflowExecutionRetentionPeriod: durationpb.New(DefaultRetention)})
		var exists *serviceerror.NamespaceAlreadyExists
		if errors.As(err, &exists) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("worker: namespace %s: %w", namespace, err)
	}
	// A namespace or attribute that was made just now is known to all of the server's parts some seconds later; until
	// then cases could not be started.
	ctx, cancel := context.WithTimeout(ctx, namespacePatience)
	defer cancel()
	if err := patiently(ctx, func() error { return RegisterSearchAttributes(ctx, c, namespace) }); err != nil {
		return err
	}
	query := &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: workflows.AttributeUseCase + " = 'none'"}
	err = patiently(ctx, func() error {
		_, err := c.CountWorkflow(ctx, query)
		return err
	})
	if err != nil {
		return fmt.Errorf("worker: the search attributes of %s are not in use: %w", namespace, err)
	}
	return nil
}

// patiently repeats what the server refuses because it does not know a name yet.
func patiently(ctx context.Context, try func() error) error {
	var missing *serviceerror.NamespaceNotFound
	var unknown *serviceerror.InvalidArgument
	for {
		err := try()
		if !errors.As(err, &missing) && !errors.As(err, &unknown) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(namespaceLook):
		}
	}
}

const (
	namespacePatience = time.Minute
	namespaceLook     = 500 * time.Millisecond
)

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
