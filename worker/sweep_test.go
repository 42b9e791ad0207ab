package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/worker"
)

// TestWhatTheWorkspaceWantsKeptNoLonger: a worker drops what is older than crosswalk.yaml says.
func TestWhatTheWorkspaceWantsKeptNoLonger(t *testing.T) {
	h := newHouse(t)
	h.save("crosswalk.yaml", files["crosswalk.yaml"]+"retention: {history: 1 day, record: 2 days, intake: 1 second}\n")
	h.publish()
	long, err := h.store.StoreEntry(t.Context(), store.Incoming{Entry: store.Entry{Source: "mails", Channel: "email", DedupeKey: "1", UseCase: "greet", Parsed: []byte(`{"name":"Ada"}`), ReceivedAt: time.Now().AddDate(0, 0, -3)}, Raw: []byte("hello")})
	require.NoError(t, err)
	require.NoError(t, h.store.MarkStarted(t.Context(), long.Entry.ID))
	require.NoError(t, h.store.EndCase(t.Context(), long.Entry.CaseID, store.End{State: store.CaseDone}))
	h.work()
	require.Eventually(t, func() bool {
		entry, err := h.store.Entry(t.Context(), long.Entry.ID)
		require.NoError(t, err)
		return len(entry.Parsed) == 0
	}, time.Minute, 20*time.Millisecond, "what came in goes")
	_, err = h.store.Case(t.Context(), long.Entry.CaseID)
	require.NoError(t, err, "the case ended just now")
}

// held keeps who logs that messages were dropped until it is let go.
type held struct {
	slog.Handler
	reached, release chan struct{}
}

func (h *held) Enabled(context.Context, slog.Level) bool { return true }

func (h *held) Handle(_ context.Context, record slog.Record) error {
	if record.Message == "messages.dropped" {
		close(h.reached)
		<-h.release
	}
	return nil
}

// TestWorkGoesOnDuringASweep: what is published while old messages are dropped comes into force.
func TestWorkGoesOnDuringASweep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.save("crosswalk.yaml", files["crosswalk.yaml"]+"retention: {intake: 1 second}\n")
	h.publish()
	const messages = 120 // several batches
	for i := range messages {
		_, err := h.store.StoreEntry(t.Context(), store.Incoming{Entry: store.Entry{Source: "mails", Channel: "email", DedupeKey: fmt.Sprint(i), UseCase: "assign", Parsed: []byte(`{"text":"x"}`), ReceivedAt: time.Now().AddDate(0, 0, -3)}, Raw: []byte("hello"), Ignore: "automatic"})
		require.NoError(t, err)
	}
	log := &held{Handler: slog.DiscardHandler, reached: make(chan struct{}), release: make(chan struct{})}
	started, err := worker.Start(t.Context(), worker.Config{Store: h.store, Client: h.client, Base: h.dir, Logger: slog.New(log), Poll: 50 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(started.Stop)
	release := sync.OnceFunc(func() { close(log.release) })
	t.Cleanup(release)
	h.worker = started
	<-log.reached
	h.save("usecases/assign.yaml", strings.Replace(files["usecases/assign.yaml"], "people: '${len", "number: '${len", 1))
	h.publish()
	made := h.begin("assign", `{"text": "x"}`)
	h.answer(h.task(made.ID), `{"outcome": "solved"}`)
	require.JSONEq(t, `{"agent": "Ada", "number": 2}`, string(h.result(made).Result.Plain()))
	release()
}
