// Package engine runs a Temporal server and the Temporal UI inside this process, with SQLite or
// PostgreSQL as the database. It is the only package that imports go.temporal.io/server: with an existing Temporal
// cluster nothing of it runs.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/temporal"
)

// Defaults of Options.
const (
	DefaultNamespace = "crosswalk"
	DefaultRetention = 30 * 24 * time.Hour
	anyLocalPort     = "127.0.0.1:0"
)

// Options say where the engine keeps its state and where it listens. The zero value is an engine in
// memory on free ports of 127.0.0.1, which is what a test wants.
type Options struct {
	// Directory holds the databases. It belongs to one engine at a time. Empty: all in memory, and
	// gone with the process.
	Directory string
	// Database is a PostgreSQL, as postgres://user:password@host:port/name, that holds the state instead of the directory.
	// It belongs to one engine at a time too. The directory then only remembers addresses.
	Database string
	// FrontendAddress is where Temporal clients and workers connect, UIAddress where a browser does.
	// The default is a free port of 127.0.0.1, the same one after a restart if it is still free.
	FrontendAddress string
	UIAddress       string
	// NoUI leaves the Temporal UI out.
	NoUI bool
	// Namespace is created when it is not there; closed workflows stay readable for Retention. 0: for as long as the
	// namespace says, and DefaultRetention in a new one.
	Namespace string
	Retention time.Duration
	// SearchAttributes are registered before a workflow can start.
	SearchAttributes map[string]enumspb.IndexedValueType
	// ContinueAfter is how many events the history of a run holds when the server suggests that the workflow go on in
	// a new one; 0: the server's own 4,096. Tests make it small.
	ContinueAfter int
	// Logger gets what the server has to say from warnings upwards; Verbose adds its information.
	Logger  *slog.Logger
	Verbose bool
}

// Engine is a running Temporal server.
type Engine struct {
	frontend string
	server   temporal.Server
	logger   *serverLogger
	ui       *webUI
	store    *databases
	lock     *directoryLock
	stop     sync.Once
}

// Start brings the server up and returns when it takes work: the namespace and its search attributes
// are there. On an error nothing is left running.
func Start(ctx context.Context, options Options) (_ *Engine, err error) {
	options = options.withDefaults()
	suitMemory()
	e := &Engine{}
	defer func() {
		if err != nil {
			e.Stop(context.WithoutCancel(ctx))
		}
	}()
	if options.Directory != "" {
		lock, err := lockDirectory(options.Directory)
		if err != nil {
			return nil, err
		}
		e.lock = &lock
	}
	remembered, err := choosePorts(options)
	if err != nil {
		return nil, err
	}
	if e.store, err = openDatabases(ctx, options); err != nil {
		return nil, err
	}
	e.logger = newServerLogger(options)
	if e.server, err = startServer(serverConfig(remembered, e.store), dynamicSettings(options), e.logger); err != nil {
		return nil, err
	}
	e.frontend = remembered.Frontend
	if err = awaitReady(ctx, dialAddress(e.frontend), options.Namespace); err != nil {
		return nil, err
	}
	if !options.NoUI {
		if e.ui, err = startUI(remembered.UI, dialAddress(e.frontend), options); err != nil {
			return nil, err
		}
		remembered.UI = e.ui.address
	}
	return e, remembered.save(options.Directory)
}

// FrontendAddress is the host:port for Temporal clients of this machine.
func (e *Engine) FrontendAddress() string { return dialAddress(e.frontend) }

// UIAddress is the host:port of the Temporal UI, empty without one.
func (e *Engine) UIAddress() string {
	if e.ui == nil {
		return ""
	}
	return e.ui.address
}

// Stop ends the UI and drains the server: requests in flight are answered, long polls end, what was
// accepted is on disk. Workers should have been stopped before. It returns when all is done or ctx
// ends, whichever comes first; a second call does nothing.
func (e *Engine) Stop(ctx context.Context) (err error) {
	e.stop.Do(func() {
		done := make(chan error, 1)
		go func() { done <- e.shutDown(ctx) }()
		select {
		case err = <-done:
		case <-ctx.Done():
			err = fmt.Errorf("engine: stopping took too long: %w", ctx.Err())
		}
	})
	return err
}

func (e *Engine) shutDown(ctx context.Context) error {
	var problems []error
	if e.ui != nil {
		problems = append(problems, e.ui.stop(ctx))
	}
	if e.server != nil {
		e.logger.ending.Store(true)
		problems = append(problems, e.server.Stop())
	}
	if e.store != nil {
		problems = append(problems, e.store.checkpoint(), e.store.release())
	}
	if e.lock != nil {
		problems = append(problems, e.lock.release())
	}
	return errors.Join(problems...)
}

func (o Options) withDefaults() Options {
	o.FrontendAddress = cmp.Or(o.FrontendAddress, anyLocalPort)
	o.UIAddress = cmp.Or(o.UIAddress, anyLocalPort)
	o.Namespace = cmp.Or(o.Namespace, DefaultNamespace)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}
