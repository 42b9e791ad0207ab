package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/proxy"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"crosswalk/store"
)

// Temporal refuses a payload over 2 MB, takes messages up to 4 MB, and terminates a workflow whose task completes with
// more than 4 MB of events. What is large goes to the store, and a claim travels in its place.
const (
	// largePayload is the size from which a payload always goes to the store.
	largePayload = 128 << 10
	// largeCompletion is how much all payloads of one workflow task may hold together; beyond it the larger ones go
	// to the store too.
	largeCompletion = 1 << 20
	// smallestMoved is the size below which moving a payload would not make the message smaller.
	smallestMoved = 1 << 10
)

// blobDriver names our way of keeping payloads. It is written into histories and never changed.
const blobDriver = "crosswalk-store"

// blobs keeps the large payloads of a case among its files.
type blobs struct{ store *store.Store }

// Name and Type are those of a storage driver.
func (b blobs) Name() string { return blobDriver }

// Type is the same as the name: there is one of us.
func (b blobs) Type() string { return blobDriver }

// Store puts payloads into the store. Each belongs to the case of its workflow.
func (b blobs) Store(ctx converter.StorageDriverStoreContext, payloads []*commonpb.Payload) ([]converter.StorageDriverClaim, error) {
	target, ok := ctx.Target.(converter.StorageDriverWorkflowInfo)
	if !ok || target.WorkflowID == "" {
		return nil, errors.New("worker: a payload this large must belong to a case")
	}
	claims := make([]converter.StorageDriverClaim, len(payloads))
	for i, payload := range payloads {
		err := ctx.GetLimiter().Permit(ctx.Context, payload, func() (err error) {
			claims[i].ClaimData, err = b.put(ctx.Context, target.WorkflowID, payload)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return claims, nil
}

func (b blobs) put(ctx context.Context, workflowID string, payload *commonpb.Payload) (map[string]string, error) {
	body, err := proto.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("worker: a large payload: %w", err)
	}
	owner := caseOf(workflowID)
	id, err := b.store.PutPayload(ctx, owner, body)
	if err != nil {
		return nil, fmt.Errorf("worker: a large payload: %w", err)
	}
	return map[string]string{"case": owner, "id": id}, nil
}

// caseOf is the case that a workflow works for: what a case starts has an id that begins with the case's.
func caseOf(workflowID string) string {
	id, _, _ := strings.Cut(workflowID, "/")
	return id
}

// Retrieve reads payloads back.
func (b blobs) Retrieve(ctx converter.StorageDriverRetrieveContext, claims []converter.StorageDriverClaim) ([]*commonpb.Payload, error) {
	payloads := make([]*commonpb.Payload, len(claims))
	for i, claim := range claims {
		err := ctx.GetLimiter().Permit(ctx.Context, claim, func() error {
			blob, err := b.store.Blob(ctx.Context, claim.ClaimData["case"], claim.ClaimData["id"])
			if err != nil {
				return fmt.Errorf("worker: a large payload: %w", err)
			}
			payloads[i] = &commonpb.Payload{}
			return proto.Unmarshal(blob.Body, payloads[i])
		})
		if err != nil {
			return nil, err
		}
	}
	return payloads, nil
}

// externalStorage is that of every client, worker and replayer.
//
// The SDK measures what a local activity gave before it gives it to the storage, and would refuse what is only large
// then: workers have that refusal off, and clients the warning. Nothing that is large is left when the server sees it.
func externalStorage(s *store.Store) converter.ExternalStorage {
	if s == nil {
		return converter.ExternalStorage{}
	}
	return converter.ExternalStorage{Drivers: []converter.StorageDriver{blobs{s}}, PayloadSizeThreshold: largePayload}
}

// lighten moves payloads of a completed workflow task to the store until the message is small enough, the larger ones
// first: each may be small, and all of them together too much.
func (b blobs) lighten(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if completed, ok := request.(*workflowservice.RespondWorkflowTaskCompletedRequest); ok {
		for from := largePayload / 2; from >= smallestMoved && proto.Size(completed) > largeCompletion; from /= 2 {
			if err := b.moveFrom(ctx, completed, from); err != nil {
				return err
			}
		}
	}
	return invoke(ctx, method, request, reply, connection, options...)
}

// moveFrom moves all payloads of at least a size.
func (b blobs) moveFrom(ctx context.Context, completed *workflowservice.RespondWorkflowTaskCompletedRequest, size int) error {
	workflowID := strings.TrimPrefix(completed.GetResourceId(), "workflow:")
	return proxy.VisitPayloads(ctx, completed, proxy.VisitPayloadsOptions{
		SkipSearchAttributes: true,
		Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			moved := make([]*commonpb.Payload, len(payloads))
			for i, payload := range payloads {
				moved[i] = payload
				if proto.Size(payload) < size {
					continue
				}
				claim, err := b.put(ctx, workflowID, payload)
				if err != nil {
					return nil, err
				}
				if moved[i], err = reference(claim, int64(proto.Size(payload))); err != nil {
					return nil, err
				}
			}
			return moved, nil
		},
	})
}

// reference is what the SDK reads as a payload that lies elsewhere.
func reference(claim map[string]string, size int64) (*commonpb.Payload, error) {
	to := &sdkpb.ExternalStorageReference{DriverName: blobDriver, ClaimData: claim}
	data, err := protojson.Marshal(to)
	if err != nil {
		return nil, fmt.Errorf("worker: a large payload: %w", err)
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{
			converter.MetadataEncoding:    []byte(converter.MetadataEncodingProtoJSON),
			converter.MetadataMessageType: []byte(to.ProtoReflect().Descriptor().FullName()),
		},
		Data:             data,
		ExternalPayloads: []*commonpb.Payload_ExternalPayloadDetails{{SizeBytes: size}},
	}, nil
}
