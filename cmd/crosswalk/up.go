package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"crosswalk/desk"
	"crosswalk/engine"
	"crosswalk/intake"
	"crosswalk/store"
	"crosswalk/telemetry"
	"crosswalk/worker"
	"crosswalk/workspace"
)

// drainTime is how long a stop waits for what is under way.
const drainTime = 25 * time.Second

// upOptions are the flags of `up` and of the single roles.
type upOptions struct {
	roles                                           roles
	dir, data, listen, temporal, namespace, publish string
	database, operator, temporalUI, token           string
	log                                             string // text or json
	json, noRobots                                  bool
	history                                         time.Duration // of `engine`; 0: what the namespace says
	sandbox, password                               string        // of the demo, for up.json
	out, problems                                   io.Writer
}

func upCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "up",
		Short: "Run a workspace: engine, Temporal UI, worker, intake and desk in one process",
		Long: `Runs everything that a workspace needs in one process and prints where to find it. Each valid save of a file in the
workspace is in force for new cases at once; a save with errors is reported and changes nothing. SIGTERM lets what is
under way end. State is in the data directory; start again with the same one and everything goes on.`,
		Example: `  crosswalk up --dir acme
  crosswalk up --dir acme --listen 127.0.0.1:9000 --json
  crosswalk up --dir acme --temporal temporal.example:7233 --database postgres://crosswalk@db.example/crosswalk`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			o := optionsOf(c, everyRole)
			o.data, _ = c.Flags().GetString("data")
			o.publish, _ = c.Flags().GetString("publish")
			if o.publish != "save" && o.publish != "manual" {
				return usageError("--publish is save or manual, not %q", o.publish)
			}
			return up(c.Context(), o, nil)
		},
	}
	c.Flags().String("dir", ".", "folder of the workspace")
	c.Flags().String("data", "", "data directory (default: .crosswalk in the workspace)")
	c.Flags().String("listen", "127.0.0.1:7700", "address of desk, forms and hooks")
	c.Flags().String("publish", "save", "save: each valid save is in force at once; manual: `crosswalk publish` decides")
	connectionFlags(c)
	jsonFlag(c)
	return c
}

// system is everything that runs in one process.
type system struct {
	options         upOptions
	log             *slog.Logger
	store           *store.Store
	engine          *engine.Engine
	client          client.Client
	definitions     *definitions
	saves           *workspace.Watcher // nil: saves are nothing to it
	worker          *worker.Worker
	cases           *worker.Cases
	intake          *intake.Intake
	http            *http.Server
	listener        net.Listener
	operator        *http.Server // of the operator's address, if there is one
	operatorAddress string
	lacking         atomic.Pointer[string] // why it takes no work yet
	mail            mailListeners
	background      sync.WaitGroup
	token           string
	telemetry       *telemetry.Telemetry
	announced       bool // up.json is ours
}

// up runs a workspace until the context is done. ready is called once everything takes work.
func up(ctx context.Context, o upOptions, ready func(running) error) error {
	if o.log != "" && o.log != logText && o.log != logJSON {
		return usageError("--log is %s or %s, not %q", logText, logJSON, o.log)
	}
	if o.data == "" {
		o.data = filepath.Join(o.dir, ".crosswalk")
	}
	if o.roles == (roles{}) {
		o.roles = everyRole
	}
	s := &system{options: o, log: telemetry.NewLogger(o.problems, o.log == logJSON, logLevel(o.log)), token: cmp.Or(o.token, rand.Text())}
	s.lacks("it is starting")
	var err error
	if s.telemetry, err = telemetry.New(ctx, o.roles.name(), version); err != nil {
		return systemError(err)
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	err = s.start(ctx, working)
	if err == nil {
		err = s.announce(ready)
	}
	if err == nil {
		<-ctx.Done()
		if !o.json {
			fmt.Fprintln(o.problems, "stopping: what is under way may end")
		}
	}
	stop()
	s.lacks("it is stopping")
	if ctx.Err() != nil && errors.Is(err, context.Canceled) { // stopped while it was starting
		err = nil
	}
	return errors.Join(err, s.stop())
}

func (s *system) start(ctx, working context.Context) error {
	var err error
	if s.options.roles.publisher {
		if _, err := os.Stat(filepath.Join(s.options.dir, "crosswalk.yaml")); err != nil {
			return contentError(fmt.Errorf("there is no workspace in %s: crosswalk init DIR makes one", s.options.dir))
		}
	}
	if s.options.roles == (roles{engine: true}) {
		return s.startAlone(ctx)
	}
	if s.store, err = openStore(ctx, s.options.database, s.options.data); err != nil {
		return systemError(err)
	}
	base, err := filepath.Abs(s.options.dir)
	if err != nil {
		return systemError(err)
	}
	s.definitions = newDefinitions(s.store, base, s.log)
	if err := s.serveOperator(); err != nil {
		return systemError(err)
	}
	if s.options.roles.publisher {
		if s.options.publish == "save" { // before the folder is read, so that a save while the rest starts counts too
			if s.saves, err = workspace.NewWatcher(s.options.dir); err != nil {
				s.log.Error("watch.failed", "error", err)
			}
		}
		err = s.firstPublish(ctx)
	} else {
		err = s.awaitPublication(ctx)
	}
	if err != nil {
		return err
	}
	// Before anything starts, so that a taken port is said at once; requests wait until serve.
	if s.options.roles.intake || s.options.roles.desk {
		if s.listener, err = net.Listen("tcp", s.options.listen); err != nil {
			return systemError(fmt.Errorf("listening on %s: %w: is another one running? choose another with --listen", s.options.listen, err))
		}
	}
	if err := s.startEngine(ctx); err != nil {
		return systemError(err)
	}
	if s.options.roles.worker {
		s.worker, err = worker.Start(ctx, worker.Config{Store: s.store, Client: s.client, Namespace: s.options.namespace, Base: base, Data: s.dataOfStore(), DeskURL: s.deskURL(), NoRobots: s.options.noRobots, Logger: s.log, Telemetry: s.telemetry})
		if err != nil {
			return systemError(err)
		}
		s.cases = s.worker.Cases()
	} else {
		s.cases = worker.NewCases(s.client, s.store, s.log).WithTelemetry(s.telemetry)
	}
	if s.listener != nil {
		s.startIntake(working)
		if err := s.serve(); err != nil {
			return systemError(err)
		}
	}
	s.lacks("")
	s.background.Go(func() { s.definitions.watch(working) })
	if s.saves != nil {
		s.background.Go(func() { s.watch(working) })
	}
	return nil
}

// dataOfStore is the data directory, if the store is there.
func (s *system) dataOfStore() string {
	if s.options.database != "" {
		return ""
	}
	return s.options.data
}

func (s *system) startEngine(ctx context.Context) error {
	address := s.options.temporal
	if address == "" && s.options.roles.engine {
		started, err := engine.Start(ctx, s.engineOptions())
		if err != nil {
			return err
		}
		s.engine, address = started, started.FrontendAddress()
	}
	var err error
	if s.client, err = worker.Dial(ctx, worker.Dialing{Address: address, Namespace: s.options.namespace, Store: s.store, Logger: s.log, Telemetry: s.telemetry}); err != nil {
		return err
	}
	if s.engine == nil && s.options.roles.worker {
		if err := worker.PrepareNamespace(ctx, s.client, s.options.namespace); err != nil {
			return err
		}
		s.keepHistories(ctx)
	}
	return nil
}

// firstPublish puts the workspace in force. With errors in it, what was in force before stays; if nothing was, there
// is nothing to run.
func (s *system) firstPublish(ctx context.Context) error {
	version, err := s.store.Version(ctx)
	if err != nil {
		return systemError(err)
	}
	if s.options.publish == "save" || version == 0 {
		w, problems := workspace.Load(s.options.dir)
		printProblems(s.options.problems, problems)
		if problems.Err() == nil {
			if err := s.publishAtStart(ctx, w); err != nil {
				return systemError(err)
			}
		} else if version == 0 {
			return contentError(fmt.Errorf("%s has %d error(s) and nothing is in force yet", s.options.dir, len(problems.Errors())))
		} else {
			fmt.Fprintln(s.options.problems, "what was in force stays in force")
		}
	}
	if err := s.definitions.refresh(ctx); err != nil {
		return systemError(err)
	}
	return nil
}

// publishAtStart puts the folder in force, unless it holds what was taken back: a restart is nobody's wish to have that
// again.
func (s *system) publishAtStart(ctx context.Context, w *workspace.Workspace) error {
	undone, err := w.Undone(ctx, s.store)
	if err != nil {
		return err
	}
	if undone {
		fmt.Fprintln(s.options.problems, "the folder holds what `crosswalk publish --undo` took back: it was not published; save a file, or publish, to have it again")
		return nil
	}
	_, err = s.publishFolder(ctx, w, "up")
	if overtaken := (*workspace.OvertakenError)(nil); errors.As(err, &overtaken) {
		s.sayOvertaken(overtaken)
		return nil
	}
	return err
}

func (s *system) publishFolder(ctx context.Context, w *workspace.Workspace, note string) (workspace.Published, error) {
	folder, err := folderID(s.options.database, s.options.data, s.options.dir)
	if err != nil {
		return workspace.Published{}, err
	}
	return w.PublishFrom(ctx, s.store, folder, userName(), note)
}

func (s *system) sayOvertaken(by *workspace.OvertakenError) {
	fmt.Fprintf(s.options.problems, "%s\nnot in force, what was in force stays: %s\n", by, howToCatchUp)
}

// watch publishes each valid save and reports each invalid one.
func (s *system) watch(ctx context.Context) {
	s.saves.Run(ctx, func(result workspace.Result) {
		if result.Problems.Err() != nil {
			printProblems(s.options.problems, result.Problems)
			fmt.Fprintln(s.options.problems, "not in force: what was in force stays")
			return
		}
		published, err := s.publishFolder(ctx, result.Workspace, "saved")
		if err == nil {
			err = s.definitions.refresh(ctx)
		}
		overtaken := (*workspace.OvertakenError)(nil)
		switch {
		case errors.As(err, &overtaken):
			s.sayOvertaken(overtaken)
		case err != nil:
			s.log.Error("publish.failed", "error", err)
		case len(published.Changed)+len(published.Removed) > 0:
			fmt.Fprintln(s.options.problems, describe(published))
		}
	})
}

func (s *system) startIntake(ctx context.Context) {
	s.intake = intake.New(intake.Options{Store: s.store, Sources: s.definitions.Sources, Languages: s.definitions.Languages,
		Company: s.definitions.Company, KeepEvents: s.definitions.KeepEvents, People: s.definitions.People, DeskURL: s.deskURL, Cases: toldCases{s.cases}, Log: s.log, Telemetry: s.telemetry})
	s.background.Go(func() { s.intake.Run(ctx) })
	if !s.options.roles.intake { // a desk alone hands over its phone notes
		return
	}
	s.background.Go(func() { s.intake.SendMails(ctx, s.definitions.Mail) })
	s.mail = mailListeners{intake: s.intake, log: s.log, open: map[string]*intake.MailServer{}}
	s.mail.reconcile(s.definitions.Sources())
	s.definitions.mu.Lock()
	s.definitions.changed = func() { s.mail.reconcile(s.definitions.Sources()) }
	s.definitions.mu.Unlock()
}

func (s *system) serve() error {
	stopping := make(chan struct{})
	mux := http.NewServeMux()
	if s.options.roles.desk {
		pages, err := desk.New(desk.Options{Stopping: stopping, Store: s.store, People: s.definitions.People, Systems: s.definitions.Systems, Cases: deskCases{toldCases{s.cases}, s.cases},
			Note: s.note, TemporalUI: s.temporalUI(), Token: s.token, Secure: strings.HasPrefix(s.deskURL(), "https:"), Start: s.startByHand, Event: s.eventByHand, Schedules: deskSchedules{worker.NewTimers(s.client, s.store)}, Folder: s.folder(), Log: s.log, Telemetry: s.telemetry})
		if err != nil {
			return err
		}
		mux.Handle("/", pages)
	}
	if s.options.roles.intake {
		incoming := s.intake.Handler()
		mux.Handle("/forms/", incoming)
		mux.Handle("/hooks/", incoming)
	}
	s.health(mux)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	s.http.RegisterOnShutdown(sync.OnceFunc(func() { close(stopping) }))
	s.background.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("http.stopped", "error", err)
		}
	})
	return nil
}

// folder is that of the workspace, where this process puts it in force; "" elsewhere.
func (s *system) folder() string {
	if !s.options.roles.publisher {
		return ""
	}
	return s.options.dir
}

// stop ends in the order in which work flows: nothing new comes in, then what runs may end, then the engine stops.
func (s *system) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var errs []error
	if s.http != nil {
		if err := s.http.Shutdown(ctx); err != nil {
			_ = s.http.Close() // pages that listen for changes never end by themselves
		}
	}
	if s.operator != nil {
		_ = s.operator.Close()
	}
	s.mail.stop(ctx)
	if s.worker != nil {
		s.worker.Stop()
	}
	s.background.Wait()
	if s.saves != nil {
		errs = append(errs, s.saves.Close())
	}
	if s.client != nil {
		s.client.Close()
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Stop(ctx))
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	errs = append(errs, s.telemetry.Close(ctx))
	if s.announced { // an instance that was refused leaves the file of the one that runs
		_ = os.Remove(filepath.Join(s.options.data, upFile))
	}
	if err := errors.Join(errs...); err != nil {
		return systemError(err)
	}
	return nil
}

func ended(err error) error {
	if errors.Is(err, worker.ErrEnded) {
		return errors.Join(intake.ErrEnded, err)
	}
	return err
}
