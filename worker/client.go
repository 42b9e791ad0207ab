package worker

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"

	"crosswalk/store"
	"crosswalk/telemetry"
	"crosswalk/workflows"
)

// DefaultNamespace is the namespace of the embedded engine.
const DefaultNamespace = "crosswalk"

// Dialing says which Temporal to speak to. Without an address, what TEMPORAL_* and temporal.toml say holds.
type Dialing struct {
	Address   string
	Namespace string
	// Store is where large payloads lie. Every client, worker and replayer of a case needs the same; without one,
	// what is large cannot be sent or read.
	Store  *store.Store
	Logger *slog.Logger
	// Telemetry counts and traces what Temporal's SDK does; nil: nothing.
	Telemetry *telemetry.Telemetry
}

// dataConverter and failureConverter are those of every client, worker and replayer: what travels must be read again
// by all of them. Encryption will change these two and nothing else.
func dataConverter() converter.DataConverter { return converter.GetDefaultDataConverter() }

// options are those of every client.
func options(d Dialing) (client.Options, error) {
	o := client.Options{HostPort: d.Address, Namespace: d.Namespace}
	if d.Address == "" {
		loaded, err := envconfig.LoadDefaultClientOptions()
		if err != nil {
			return o, fmt.Errorf("worker: the environment's settings of Temporal: %w", err)
		}
		o = loaded
		if d.Namespace != "" {
			o.Namespace = d.Namespace
		}
	}
	if o.Namespace == "" {
		o.Namespace = DefaultNamespace
	}
	o.DataConverter, o.FailureConverter = dataConverter(), failureConverter()
	o.ExternalStorage, o.PayloadLimits.PayloadSizeWarning = externalStorage(d.Store), math.MaxInt32
	if d.Store != nil {
		o.ConnectionOptions.DialOptions = append(o.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(blobs{d.Store}.lighten))
	}
	o.ConnectionOptions.DialOptions = append(o.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(namespaced(o.Namespace)))
	if local(o.HostPort) {
		o.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{} // it costs more than a way inside of one machine
	}
	o.Identity = "crosswalk" // the default names the user and the host
	o.Logger = log.NewStructuredLogger(loggerOr(d.Logger))
	return o, observe(&o, d.Telemetry)
}

// namespaceOf is the namespace that options says.
func namespaceOf(d Dialing) string {
	if d.Namespace == "" && d.Address == "" {
		if loaded, err := envconfig.LoadDefaultClientOptions(); err == nil {
			d.Namespace = loaded.Namespace
		}
	}
	return cmp.Or(d.Namespace, DefaultNamespace)
}

// local says that an address is on this machine.
func local(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

// namespaced fills the namespace into the requests for which the SDK has no method of its own.
func namespaced(namespace string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		switch request := request.(type) {
		case *workflowservice.ResetActivityRequest:
			request.Namespace = namespace
		case *workflowservice.GetWorkflowExecutionHistoryReverseRequest:
			request.Namespace = namespace
		}
		return invoke(ctx, method, request, reply, connection, options...)
	}
}

// Dial connects to Temporal.
func Dial(ctx context.Context, d Dialing) (client.Client, error) {
	o, err := options(d)
	if err != nil {
		return nil, err
	}
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("worker: Temporal at %s: %w", o.HostPort, err)
	}
	return c, nil
}

// NewReplayer replays recorded histories with what the interpreter is given. The store holds the large payloads of the
// histories; it may be nil if they have none.
func NewReplayer(interpreter *workflows.Interpreter, payloads *store.Store) (worker.WorkflowReplayer, error) {
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: dataConverter(), FailureConverter: failureConverter(), DisableRegistrationAliasing: true,
		DisableDeadlockDetection: true, // a replay may have large values to read, and all the time for it
		ExternalStorage:          externalStorage(payloads),
	})
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	replayer.RegisterDynamicWorkflow(interpreter.Run, workflow.DynamicRegisterOptions{})
	return replayer, nil
}

func loggerOr(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.Default()
	}
	return l
}
