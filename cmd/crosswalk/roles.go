package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/store"
	"crosswalk/worker"
)

// roles are what one process does.
type roles struct {
	publisher bool // puts the folder of the workspace in force
	engine    bool // runs a Temporal of its own, unless one is named
	worker    bool // runs cases and calls systems
	intake    bool // takes messages in and sends mail
	desk      bool // pages and the JSON interface
}

// everyRole is `up`.
var everyRole = roles{publisher: true, engine: true, worker: true, intake: true, desk: true}

// The environment's words for flags that hold what must not stand in a list of processes.
const (
	databaseVariable = "CROSSWALK_DATABASE"
	tokenVariable    = "CROSSWALK_TOKEN"
	urlVariable      = "CROSSWALK_URL"
)

// connectionFlags are those of everything that works with a Temporal and a store.
func connectionFlags(c *cobra.Command) {
	c.Flags().String("temporal", "", "use the Temporal at this host:port (default: what TEMPORAL_ADDRESS and the other TEMPORAL_ variables say; `up` runs its own)")
	c.Flags().String("namespace", worker.DefaultNamespace, "Temporal namespace")
	c.Flags().String("temporal-ui", "", "address of that Temporal's UI, for links: http://host:port")
	operatorFlag(c)
	databaseFlag(c)
}

// The forms of a log.
const (
	logText = "text"
	logJSON = "json"
)

// logLevel is what a log tells: in JSON everything, as text, which a person reads, what somebody should look at.
func logLevel(form string) slog.Level {
	if form == logJSON {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// name is the role as operators see it.
func (r roles) name() string {
	switch r {
	case everyRole:
		return "up"
	case roles{engine: true}:
		return "engine"
	case roles{worker: true}:
		return "worker"
	case roles{intake: true}:
		return "intake"
	}
	return "desk"
}

func operatorFlag(c *cobra.Command) {
	c.Flags().String("log", "text", "text: warnings and errors, for people; json: one object a line with a stable event, for programs")
	c.Flags().String("operator", "", "address of /healthz, /readyz and /metrics for the operator alone; empty: none")
}

func databaseFlag(c *cobra.Command) {
	c.Flags().String("database", "", "PostgreSQL as postgres://user:password@host/name (default: $"+databaseVariable+", else SQLite in the data directory)")
}

// databaseOf is the address of the PostgreSQL, or "".
func databaseOf(c *cobra.Command) string {
	if given, _ := c.Flags().GetString("database"); given != "" {
		return given
	}
	return os.Getenv(databaseVariable)
}

// openStore opens the PostgreSQL, or the SQLite of the data directory if there is none.
func openStore(ctx context.Context, database, data string) (*store.Store, error) {
	if database != "" {
		return store.OpenPostgres(ctx, database)
	}
	if err := restoreEnded(data); err != nil {
		return nil, err
	}
	return store.Open(ctx, data)
}

func optionsOf(c *cobra.Command, does roles) upOptions {
	o := upOptions{roles: does, out: c.OutOrStdout(), problems: c.ErrOrStderr(), json: wantsJSON(c), database: databaseOf(c), token: os.Getenv(tokenVariable)}
	for name, into := range map[string]*string{"dir": &o.dir, "listen": &o.listen, "temporal": &o.temporal, "namespace": &o.namespace,
		"temporal-ui": &o.temporalUI, "operator": &o.operator, "log": &o.log} {
		*into, _ = c.Flags().GetString(name)
	}
	return o
}

func workerCommand() *cobra.Command {
	c := roleCommand("worker", roles{worker: true}, "Run cases, and nothing else: one of several processes", `Runs cases and calls the systems. Start as many as the work needs; each may be killed at any time, and its cases go on in
the others. SIGTERM lets what is under way end.`)
	c.Flags().Bool("no-robots", false, "leave the robots to workers that have a browser")
	return c
}

func intakeCommand() *cobra.Command {
	c := roleCommand("intake", roles{intake: true}, "Take mails, forms, webhooks and posts in, and nothing else: one of several processes", `Takes messages in, stores them before it acknowledges them, starts their cases, and sends mail. Several may run: what one
leaves undone another does.`)
	c.Flags().String("listen", "127.0.0.1:7702", "address of forms and hooks")
	return c
}

func deskCommand() *cobra.Command {
	c := roleCommand("desk", roles{desk: true}, "Serve the desk, and nothing else: one of several processes", `Serves the pages for people and the JSON interface. Logins are in the store, so that any desk serves any request. With
`+tokenVariable+` set to a long random text, other commands reach it: set `+urlVariable+` to its address and `+tokenVariable+` to the same text.`)
	c.Flags().String("listen", "127.0.0.1:7700", "address of the desk")
	return c
}

// roleCommand is a role as a process of its own.
func roleCommand(name string, does roles, short, long string) *cobra.Command {
	c := &cobra.Command{
		Use:   name,
		Short: short,
		Long: long + `

It needs a Temporal (--temporal) and a PostgreSQL (--database) that it shares with the other processes, and keeps nothing on
its own disk. What use cases say comes from the store, where ` + "`crosswalk publish --database …`" + ` puts it; until something is
published it waits. Secrets come from where the workspace says: env:NAME from its environment, file:PATH from --dir if the path
is relative.`,
		Example: "  crosswalk " + name + " --temporal temporal.example:7233 --database postgres://crosswalk@db.example/crosswalk --operator 127.0.0.1:7790",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			o := optionsOf(c, does)
			o.noRobots, _ = c.Flags().GetBool("no-robots")
			if o.database == "" {
				return usageError("%s shares a PostgreSQL with the other processes: name it with --database or %s", name, databaseVariable)
			}
			return up(c.Context(), o, nil)
		},
	}
	c.Flags().String("dir", ".", "folder that file: secrets with a relative path are in")
	connectionFlags(c)
	jsonFlag(c)
	return c
}

// awaitPublication waits until something is in force: a role has no definitions of its own.
func (s *system) awaitPublication(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for said := false; ; said = true {
		err := s.definitions.refresh(ctx)
		if err == nil && s.definitions.current() != nil {
			return nil
		}
		why := "nothing is published yet: crosswalk publish --database …"
		if err != nil {
			why = err.Error()
		}
		s.lacks(why)
		if !said {
			fmt.Fprintln(s.options.problems, "waiting: "+why)
		}
		select {
		case <-ctx.Done():
			return systemError(errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// announceRole says that a role takes work.
func (s *system) announceRole() {
	url := ""
	if s.listener != nil {
		url = "http://" + s.listener.Addr().String()
	}
	if s.options.json {
		s.printReady(map[string]any{"url": url, "operator": s.operatorAddress, "mail": s.mail.addresses()})
		return
	}
	rows := [][]string{{"WHAT", "WHERE"}}
	if url != "" {
		rows = append(rows, []string{"listening", url})
	}
	for _, address := range s.mail.addresses() {
		rows = append(rows, []string{"mail", "smtp://" + address})
	}
	if s.operatorAddress != "" {
		rows = append(rows, []string{"operator", "http://" + s.operatorAddress})
	}
	table(s.options.out, append(rows, []string{"Temporal", s.options.temporal}))
}
