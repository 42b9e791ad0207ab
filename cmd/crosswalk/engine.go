package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/engine"
	"crosswalk/source"
	"crosswalk/worker"
)

func engineCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "engine",
		Short: "Run the Temporal server and its UI, and nothing else",
		Long: `Runs the Temporal server that ` + "`crosswalk up`" + ` has inside as a process of its own, for workers, intakes and desks elsewhere. Its
state is in the data directory (SQLite) or in a PostgreSQL database that is its alone: not the one of the store. One engine
works on a database at a time. It asks nobody who he is: let only the other processes and operators reach it. A Temporal
cluster that you have already does as well.

Histories of cases that have ended are kept for as long as the namespace says: 30 days when it is made, then what workers
set of crosswalk.yaml (retention: {history: …}), or what --history says at each start.`,
		Example: "  crosswalk engine --data /var/lib/crosswalk --listen 127.0.0.1:7233\n  crosswalk engine --database postgres://crosswalk@db.example/temporal --listen 0.0.0.0:7233",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			o := upOptions{roles: roles{engine: true}, out: c.OutOrStdout(), problems: c.ErrOrStderr(), json: wantsJSON(c)}
			for name, into := range map[string]*string{"data": &o.data, "listen": &o.listen, "ui": &o.temporalUI, "namespace": &o.namespace,
				"operator": &o.operator, "log": &o.log, "database": &o.database} {
				*into, _ = c.Flags().GetString(name)
			}
			var err error
			if o.history, err = historyFlag(c); err != nil {
				return err
			}
			return up(c.Context(), o, nil)
		},
	}
	c.Flags().String("data", ".crosswalk", "data directory")
	c.Flags().String("database", "", "PostgreSQL as postgres://user:password@host/name, instead of SQLite in the data directory")
	c.Flags().String("listen", "127.0.0.1:7233", "address for workers, intakes and desks")
	c.Flags().String("ui", "127.0.0.1:8233", "address of the Temporal UI")
	c.Flags().String("namespace", worker.DefaultNamespace, "Temporal namespace")
	c.Flags().String("history", "", "how long the histories of ended cases are kept, as in '60 days' (default: what the namespace says)")
	operatorFlag(c)
	jsonFlag(c)
	return c
}

// historyFlag is how long the histories of ended cases are to be kept; 0: it was not said.
func historyFlag(c *cobra.Command) (time.Duration, error) {
	text, _ := c.Flags().GetString("history")
	if text == "" {
		return 0, nil
	}
	keep, err := source.ParseDuration(text)
	if err == nil && keep < 24*time.Hour {
		err = fmt.Errorf("Temporal keeps histories for a day at least, not for %q", text)
	}
	if err != nil {
		return 0, usageError("--history: %s", err)
	}
	return keep, nil
}

// engineOptions are those of the engine inside `up`, or of the engine alone.
func (s *system) engineOptions() engine.Options {
	o := engine.Options{Directory: filepath.Join(s.options.data, "temporal"), Namespace: s.options.namespace, Retention: cmp.Or(s.wantedRetention(), worker.DefaultRetention),
		SearchAttributes: worker.SearchAttributes(), Logger: s.log}
	if s.options.roles == (roles{engine: true}) {
		o.Retention = s.options.history
		o.Database, o.FrontendAddress, o.UIAddress = s.options.database, s.options.listen, s.options.temporalUI
	}
	if o.Database != "" {
		o.Directory = ""
	}
	return o
}

// wantedRetention is how long crosswalk.yaml wants the histories of ended cases to be kept; 0: it does not say.
func (s *system) wantedRetention() time.Duration {
	if s.definitions == nil || s.definitions.current() == nil {
		return 0
	}
	return s.definitions.current().Config.Retention.History
}

// keepHistories brings an existing Temporal to what crosswalk.yaml says. What may not be changed is not: the worker asks
// the namespace how long payloads are needed.
func (s *system) keepHistories(ctx context.Context) {
	wanted := s.wantedRetention()
	if wanted == 0 {
		return
	}
	had, err := worker.KeepHistories(ctx, s.client.WorkflowService(), cmp.Or(s.options.namespace, worker.DefaultNamespace), wanted)
	if err != nil {
		s.log.Warn("namespace.retention_not_changed", "wanted", wanted.String(), "kept", had.String(), "error", err)
	}
}

// announceEngine says where the engine is reached.
func (s *system) announceEngine() {
	if s.options.json {
		s.printReady(map[string]any{"temporal": s.engine.FrontendAddress(), "temporal_ui": s.temporalUI(), "operator": s.operatorAddress})
		return
	}
	table(s.options.out, [][]string{{"WHAT", "WHERE"}, {"Temporal", s.engine.FrontendAddress()}, {"Temporal UI", s.temporalUI()}})
}

func (s *system) printReady(fields map[string]any) {
	fields["ready"] = true
	if err := json.NewEncoder(s.options.out).Encode(fields); err != nil {
		s.log.Error("ready.not_printed", "error", err)
	}
}

// startAlone starts the engine without a store.
func (s *system) startAlone(ctx context.Context) error {
	err := s.serveOperator()
	if err == nil {
		s.engine, err = engine.Start(ctx, s.engineOptions())
	}
	if err == nil {
		s.client, err = worker.Dial(ctx, worker.Dialing{Address: s.engine.FrontendAddress(), Namespace: s.options.namespace, Logger: s.log, Telemetry: s.telemetry})
	}
	if err != nil {
		return systemError(err)
	}
	s.lacks("")
	return nil
}
