package engine

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
)

const readyWithin = 20 * time.Second

// prepareNamespace waits until the server answers for the namespace (openDatabases has made it) and
// brings its retention and search attributes to what is wanted now.
func prepareNamespace(ctx context.Context, address string, options Options) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	workflows, operator := workflowservice.NewWorkflowServiceClient(connection), operatorservice.NewOperatorServiceClient(connection)

	namespace, err := describeNamespace(ctx, workflows, options.Namespace)
	if err != nil {
		return fmt.Errorf("engine: the Temporal server did not become ready: %w", err)
	}
	if namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() != options.Retention {
		_, err := workflows.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
			Namespace: options.Namespace,
			Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(options.Retention)},
		})
		if err != nil {
			return fmt.Errorf("engine: setting the retention to %s: %w", options.Retention, err)
		}
	}
	if err := addSearchAttributes(ctx, operator, options); err != nil {
		return fmt.Errorf("engine: registering search attributes: %w", err)
	}
	return nil
}

func describeNamespace(ctx context.Context, workflows workflowservice.WorkflowServiceClient, name string) (*workflowservice.DescribeNamespaceResponse, error) {
	for {
		// A list goes through frontend and visibility; the description alone would only ask the frontend.
		_, err := workflows.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: name, PageSize: 1}, grpc.WaitForReady(true))
		if err == nil {
			return workflows.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// addSearchAttributes adds those that the namespace does not have yet: a newer version may want more
// than the one that made it.
func addSearchAttributes(ctx context.Context, operator operatorservice.OperatorServiceClient, options Options) error {
	present, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: options.Namespace})
	if err != nil {
		return err
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, kind := range options.SearchAttributes {
		switch has, ok := present.GetCustomAttributes()[name]; {
		case !ok:
			missing[name] = kind
		case has != kind:
			return fmt.Errorf("%s is registered as %s, wanted is %s", name, has, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: options.Namespace, SearchAttributes: missing})
	return err
}
