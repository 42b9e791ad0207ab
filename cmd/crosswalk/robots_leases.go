package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/robots"
	"crosswalk/worker"
	"crosswalk/workspace"
)

// leasesHere makes a robot that an author runs take turns at its account with those of the workers of this workspace: many old
// applications end one session when another begins. Where there are no workers it takes turns with nobody.
func leasesHere(c *cobra.Command, dir string, w *workspace.Workspace) (leases robots.Leases, forget func(), err error) {
	if w == nil || w.Reach == nil || w.Config == nil {
		return nil, func() {}, nil
	}
	kept, _, forget, err := keptHere(c, dir, w)
	if err != nil || kept == nil {
		return nil, forget, err
	}
	return tellingLeases{worker.RobotLeases(kept), c.ErrOrStderr(), sayWaiting}, forget, nil
}

// sayWaiting is how long somebody waits for an account before it is said what for.
const sayWaiting = 2 * time.Second

// tellingLeases say that they wait.
type tellingLeases struct {
	robots.Leases
	out   io.Writer
	after time.Duration
}

// Acquire waits for an account.
func (l tellingLeases) Acquire(ctx context.Context, name string, most int) (robots.Lease, error) {
	waits := time.AfterFunc(l.after, func() {
		fmt.Fprintln(l.out, "waiting: a worker's robot is using this account of the application (limits: per_credential)")
	})
	defer waits.Stop()
	return l.Leases.Acquire(ctx, name, most)
}
