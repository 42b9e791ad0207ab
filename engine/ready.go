package engine

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const readyWithin = 20 * time.Second

// awaitReady asks for a list of workflows until there is an answer. That takes the frontend, the
// namespace and the visibility database; the services behind the frontend started before it.
func awaitReady(ctx context.Context, address, namespace string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	service := workflowservice.NewWorkflowServiceClient(connection)
	for {
		_, err := service.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: namespace, PageSize: 1}, grpc.WaitForReady(true))
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("engine: the Temporal server did not become ready: %w", err)
		case <-time.After(25 * time.Millisecond):
		}
	}
}
