package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.temporal.io/sdk/client"

	"crosswalk/store"
	"crosswalk/telemetry"
	"crosswalk/workflows"
	"crosswalk/workspace"
)

// lookPatience is how long one look at a dependency may take.
const lookPatience = 3 * time.Second

// lacks notes why the process takes no work yet; "" when it does.
func (s *system) lacks(what string) { s.lacking.Store(&what) }

// serveOperator opens the operator's address, before anything else runs: what waits or fails can then be looked at.
func (s *system) serveOperator() error {
	if s.options.operator == "" {
		return nil
	}
	listener, err := net.Listen("tcp", s.options.operator)
	if err != nil {
		return fmt.Errorf("listening on %s: %w: choose another with --operator", s.options.operator, err)
	}
	s.operatorAddress = listener.Addr().String()
	mux := http.NewServeMux()
	s.health(mux)
	mux.Handle("GET /metrics", s.telemetry.Handler())
	if s.store != nil {
		s.telemetry.Watch(s.standing)
	}
	s.operator = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	s.background.Go(func() {
		if err := s.operator.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("http.stopped", "error", err)
		}
	})
	return nil
}

// standing is how things stand in the store.
func (s *system) standing(ctx context.Context) (telemetry.Standing, error) {
	cases, tasks, err := s.store.Figures(ctx)
	found := telemetry.Standing{OpenCases: map[string]int{}, Tasks: queues(tasks, s.definitions.People())}
	for _, one := range cases {
		found.OpenCases[one.Kind] = one.Open
	}
	return found, err
}

// otherQueues counts the tasks of queues that nobody described.
const otherQueues = "other"

// queues are the tasks by queue. A case may take the name of its queue from what it was sent, so that there is no end
// of names: those that people describes are told apart, with that of repairs.
func queues(tasks []store.QueueAge, people *workspace.People) map[string]telemetry.Queue {
	found := map[string]telemetry.Queue{}
	for _, one := range tasks {
		name := one.Queue
		if name != "" && name != workflows.QueueRepair && (people == nil || people.Queue(name) == nil) {
			name = otherQueues
		}
		sum, known := found[name]
		if !known || one.Oldest.Before(sum.Oldest) {
			sum.Oldest = one.Oldest
		}
		sum.Open += one.Open
		found[name] = sum
	}
	return found
}

// health adds /healthz, which tells that the process lives, and /readyz, which tells that it can work: a balancer sends
// it nothing until then.
func (s *system) health(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if why := s.notReady(r.Context()); why != "" {
			http.Error(w, why, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
}

func (s *system) notReady(ctx context.Context) string {
	if why := *s.lacking.Load(); why != "" {
		return why
	}
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	if s.store != nil && s.store.Ping(ctx) != nil {
		return "the store does not answer"
	}
	if _, err := s.client.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return "Temporal does not answer"
	}
	return ""
}
