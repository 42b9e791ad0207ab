package worker

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"crosswalk/store"
)

// namespaces is a cluster with one namespace.
type namespaces struct {
	workflowservice.WorkflowServiceClient
	keeps   time.Duration
	fixed   bool // nobody may change it from here
	gone    bool
	changes int
}

func (n *namespaces) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest, ...grpc.CallOption) (*workflowservice.DescribeNamespaceResponse, error) {
	if n.gone {
		return nil, serviceerror.NewUnavailable("gone")
	}
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

type clusterClient struct {
	client.Client
	service workflowservice.WorkflowServiceClient
}

func (c clusterClient) WorkflowService() workflowservice.WorkflowServiceClient { return c.service }

// TestPayloadsStayAsLongAsHistories: what counts is what the namespace says at that time, whoever said it to the namespace.
func TestPayloadsStayAsLongAsHistories(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	now := time.Now()
	s, err := store.Open(t.Context(), t.TempDir(), store.WithClock(func() time.Time { return now.Add(-40 * day) }))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	made, err := s.CreateCase(t.Context(), store.NewCase{UseCase: "complaint"})
	require.NoError(t, err)
	_, err = s.PutPayload(t.Context(), made.ID, []byte("large"))
	require.NoError(t, err)
	require.NoError(t, s.EndCase(t.Context(), made.ID, store.End{State: store.CaseDone}))
	cluster := &namespaces{keeps: 90 * day}
	w := &Worker{config: Config{Store: s}, client: clusterClient{service: cluster}, log: slog.New(slog.DiscardHandler)}
	w.openReach()
	t.Cleanup(w.reach.close)
	t.Cleanup(w.pool.Close)
	left := func() int {
		files, err := s.BlobTypes(t.Context(), made.ID)
		require.NoError(t, err)
		return len(files)
	}
	w.sweepOnce(t.Context(), now)
	require.Equal(t, 1, left(), "the history is there for 90 days")
	cluster.gone = true
	var told bytes.Buffer
	w.log = slog.New(slog.NewTextHandler(&told, nil))
	w.sweepOnce(t.Context(), now)
	require.Equal(t, 1, left(), "nobody knows how long the history is there")
	require.Contains(t, told.String(), "payloads.not_dropped")
	cluster.gone, cluster.keeps = false, 30*day
	w.sweepOnce(t.Context(), now)
	require.Zero(t, left())
}
