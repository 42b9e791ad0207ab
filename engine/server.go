package engine

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

const (
	clusterName = "active"
	// Shards cannot be changed once a database has been made. They let nodes, and writes, work side by
	// side; here is one node, and SQLite writes one after the other. Four cost 7 % more processor time.
	historyShards = 1
	// checkpointEvery is the pause between two clean-ups of a queue; one is a DELETE, and none when nothing was done.
	checkpointEvery = 5 * time.Second
	// PostgreSQL writes side by side.
	postgresShards = 4
)

// settings differ from the server's defaults, which are those of one node of a large cluster.
var settings = dynamicconfig.StaticClient{
	// The queues between a step and the next are polled at most 20 times a second by default,
	// which would be the pace of the whole process.
	dynamicconfig.TransferProcessorMaxPollRPS.Key():   2000,
	dynamicconfig.TimerProcessorMaxPollRPS.Key():      2000,
	dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 2000,
	dynamicconfig.OutboundProcessorMaxPollRPS.Key():   2000,
	// Rates that protect nodes from each other: here all traffic is our own.
	dynamicconfig.FrontendRPS.Key():                                  20000,
	dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():           20000,
	dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 200,
	dynamicconfig.HistoryRPS.Key():                                   20000,
	dynamicconfig.MatchingRPS.Key():                                  20000,
	dynamicconfig.FrontendPersistenceMaxQPS.Key():                    20000,
	dynamicconfig.HistoryPersistenceMaxQPS.Key():                     20000,
	dynamicconfig.MatchingPersistenceMaxQPS.Key():                    20000,
	// One node needs no partitions of a task queue: with one, a task meets the waiting worker at once.
	dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
	dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
	// A queue keeps what it has done in memory until its next checkpoint, and a piece of it that was narrowed to the
	// namespaces then pending is cut in two, task by task, whenever new work comes. With one namespace there is
	// nothing to narrow, and early checkpoints keep memory and task tables small.
	dynamicconfig.QueueShrinkPredicateMaxPendingKeys.Key():   0,
	dynamicconfig.TransferProcessorUpdateAckInterval.Key():   checkpointEvery,
	dynamicconfig.VisibilityProcessorUpdateAckInterval.Key(): checkpointEvery,
	dynamicconfig.TimerProcessorUpdateAckInterval.Key():      checkpointEvery,
	// The default of 128,000 cached workflows is for machines that do nothing else.
	dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 8192,
	// Nothing calls home.
	dynamicconfig.EnableServerVersionCheck.Key(): false,
}

// dynamicSettings are settings with what the options say.
func dynamicSettings(options Options) dynamicconfig.StaticClient {
	if options.ContinueAfter <= 0 {
		return settings
	}
	own := maps.Clone(settings)
	own[dynamicconfig.HistoryCountSuggestContinueAsNew.Key()] = options.ContinueAfter
	return own
}

// startServer turns what the server would end the process for, such as a port that was taken in the
// meantime, into an error.
func startServer(configuration *config.Config, dynamic dynamicconfig.StaticClient, logger *serverLogger) (server temporal.Server, err error) {
	defer func() {
		switch problem := recover().(type) {
		case nil:
		case fatal:
			server, err = nil, fmt.Errorf("engine: the Temporal server did not start: %s", problem.message)
		default:
			panic(problem)
		}
	}()
	server, err = temporal.NewServer(
		temporal.WithConfig(configuration),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts(configuration)),
		temporal.WithDynamicConfigClient(dynamic),
		temporal.WithCustomMetricsHandler(metrics.NoopMetricsHandler),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
		temporal.WithLogger(logger),
	)
	if err != nil {
		return nil, fmt.Errorf("engine: the Temporal server did not start: %w", err)
	}
	if err := server.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("engine: the Temporal server did not start: %w", err), server.Stop())
	}
	return server, nil
}

func serverConfig(at ports, store *databases) *config.Config {
	var c config.Config
	c.Global.Membership.BroadcastAddress = "127.0.0.1"
	c.Persistence = config.Persistence{
		DefaultStore:     "main",
		VisibilityStore:  "visibility",
		NumHistoryShards: store.shards(),
		DataStores:       map[string]config.DataStore{"main": {SQL: store.main.server}, "visibility": {SQL: store.visibility.server}},
	}
	c.ClusterMetadata = &cluster.Config{
		FailoverVersionIncrement: 10,
		MasterClusterName:        clusterName,
		CurrentClusterName:       clusterName,
		ClusterInformation: map[string]cluster.ClusterInformation{
			clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: dialAddress(at.Frontend)},
		},
	}
	c.DCRedirectionPolicy.Policy = "noop"
	c.Services = map[string]config.Service{
		string(primitives.FrontendService): service(at.Frontend),
		string(primitives.HistoryService):  service(at.history),
		string(primitives.MatchingService): service(at.matching),
		string(primitives.WorkerService):   service(at.worker),
	}
	c.Archival.History.State, c.Archival.Visibility.State = config.ArchivalDisabled, config.ArchivalDisabled
	c.NamespaceDefaults.Archival.History.State = config.ArchivalDisabled
	c.NamespaceDefaults.Archival.Visibility.State = config.ArchivalDisabled
	c.PublicClient.HostPort = dialAddress(at.Frontend)
	return &c
}

func service(address string) config.Service {
	host, port, _ := net.SplitHostPort(address) // choosePorts made it
	number, _ := strconv.Atoi(port)
	return config.Service{RPC: config.RPC{GRPCPort: number, BindOnIP: host}}
}

// hosts lists the services by address: membership by gossip would open four more ports and take
// seconds to find out that there is one member.
func hosts(c *config.Config) map[primitives.ServiceName]static.Hosts {
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, service := range c.Services {
		address := net.JoinHostPort(service.RPC.BindOnIP, strconv.Itoa(service.RPC.GRPCPort))
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(dialAddress(address))
	}
	return hosts
}
