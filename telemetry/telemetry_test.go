package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFigures(t *testing.T) {
	t.Parallel()
	told, err := New(t.Context(), "worker", "1.2.3")
	require.NoError(t, err)
	told.CaseStarted("order-change")
	told.CaseEnded("order-change", "done")
	told.Call("crm", "crm.find_customer", "", 1, 20*time.Millisecond)
	told.Call("crm", "crm.find_customer", "unavailable", 3, 20*time.Millisecond)
	told.Effect("support", "support.create_task", "confirmed")
	told.Entry("complaints", "started")
	told.Answer("approve")
	told.Watch(func(context.Context) (Standing, error) {
		return Standing{OpenCases: map[string]int{"": 2, "person": 1}, Tasks: map[string]Queue{"support": {Open: 4, Oldest: time.Now().Add(-time.Hour)}}}, nil
	})
	page := httptest.NewRecorder()
	told.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{`crosswalk_build_info{role="worker",version="1.2.3"} 1`, `crosswalk_cases_started_total{use_case="order-change"} 1`,
		`crosswalk_cases_ended_total{state="done",use_case="order-change"} 1`, `crosswalk_call_seconds_count{class="ok",operation="crm.find_customer",system="crm"} 1`,
		`crosswalk_call_retries_total{operation="crm.find_customer",system="crm"} 1`, `crosswalk_cases_open{waiting_kind="nothing"} 2`,
		`crosswalk_tasks_open{queue="support"} 4`, `crosswalk_task_oldest_seconds{queue="support"} 36`} {
		require.Contains(t, page.Body.String(), line)
	}
	require.False(t, told.Tracing(), "off unless the environment says where to")
	require.NoError(t, told.Close(t.Context()))

	var none *Telemetry
	none.Call("a", "b", "", 1, 0)
	none.CaseStarted("a")
	_, span := none.Tracer().Start(t.Context(), "nothing")
	span.End()
	require.NoError(t, none.Close(t.Context()))
}

func TestAProtocolThatIsNone(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "pigeon")
	_, err := New(t.Context(), "worker", "1")
	require.ErrorContains(t, err, `"pigeon", must be grpc or http/protobuf`)
}

func TestLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := NewLogger(&out, true, slog.LevelInfo)
	log.Debug("not.told")
	log.Info("case.started", "case", "c1")
	log.With("to", "anna.lindqvist@kunde.example").WithGroup("mail").Warn("Sending to <b.c+d@x.example> failed", "error",
		errors.New(`Get "https://me:hunter2@shop.example/find?email=anna&key=k1": no such user e.f@y.example, call +49 (30) 1234567`), "n", 3)
	var first, second map[string]any
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	require.Len(t, lines, 2)
	require.NoError(t, json.Unmarshal(lines[0], &first))
	require.NoError(t, json.Unmarshal(lines[1], &second))
	require.Equal(t, "case.started", first["event"])
	require.Equal(t, "c1", first["case"])
	require.Equal(t, "log", second["event"])
	require.Equal(t, "Sending to <(address)> failed", second["message"])
	for _, private := range []string{"anna", "kunde", "b.c", "hunter2", "k1", "e.f", "1234567"} {
		require.NotContains(t, string(lines[1]), private)
	}
	require.Contains(t, string(lines[1]), "https://shop.example/find?(query)")
	out.Reset()
	NewLogger(&out, false, slog.LevelWarn).Warn("watch.failed", "error", errors.New("x@y.example"))
	require.Contains(t, out.String(), "msg=watch.failed error=(address)")
}
