package worker

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// HistoriesKept is how long Temporal keeps the histories of ended cases.
func HistoriesKept(ctx context.Context, service workflowservice.WorkflowServiceClient, name string) (time.Duration, error) {
	found, err := service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
	if err != nil {
		return 0, fmt.Errorf("worker: the retention of the namespace %s cannot be read: %w", name, err)
	}
	return found.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(), nil
}

// KeepHistories has Temporal keep the histories of ended cases for so long. It says what the namespace had before. An
// existing cluster may not let us change that: then the error says so, and what the cluster does stays.
func KeepHistories(ctx context.Context, service workflowservice.WorkflowServiceClient, name string, wanted time.Duration) (had time.Duration, err error) {
	if had, err = HistoriesKept(ctx, service, name); err != nil || had == wanted {
		return had, err
	}
	_, err = service.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{Namespace: name,
		Config: &namespace.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(wanted)}})
	if err != nil {
		return had, fmt.Errorf("worker: the namespace %s keeps histories for %s, and may not be changed to %s from here: %w", name, had, wanted, err)
	}
	return had, nil
}
