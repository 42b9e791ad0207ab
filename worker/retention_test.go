package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
)

// namespaces is a cluster with one namespace.
type namespaces struct {
	workflowservice.WorkflowServiceClient
	keeps   time.Duration
	fixed   bool // nobody may change it from here
	changes int
}

func (n *namespaces) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest, ...grpc.CallOption) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{Config: &namespace.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(n.keeps)}}, nil
}

func (n *namespaces) UpdateNamespace(_ context.Context, in *workflowservice.UpdateNamespaceRequest, _ ...grpc.CallOption) (*workflowservice.UpdateNamespaceResponse, error) {
	if n.fixed {
		return nil, serviceerror.NewPermissionDenied("not from here", "")
	}
	n.changes++
	n.keeps = in.Config.WorkflowExecutionRetentionTtl.AsDuration()
	return &workflowservice.UpdateNamespaceResponse{}, nil
}

func TestKeepHistories(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	cluster := &namespaces{keeps: 3 * day}
	had, err := KeepHistories(t.Context(), cluster, "acme", 60*day)
	require.NoError(t, err)
	require.Equal(t, 3*day, had)
	require.Equal(t, 60*day, cluster.keeps)
	_, err = KeepHistories(t.Context(), cluster, "acme", 60*day)
	require.NoError(t, err)
	require.Equal(t, 1, cluster.changes, "what is right already is left alone")

	fixed := &namespaces{keeps: 3 * day, fixed: true}
	had, err = KeepHistories(t.Context(), fixed, "acme", 60*day)
	require.ErrorContains(t, err, "the namespace acme keeps histories for 72h0m0s, and may not be changed to 1440h0m0s from here")
	require.Equal(t, 3*day, had)
}
