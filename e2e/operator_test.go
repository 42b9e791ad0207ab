package e2e

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"crosswalk/sandbox"
)

// traces is where the programs send their spans.
type traces struct {
	mu    sync.Mutex
	spans map[string][]string // names, by trace
	raw   strings.Builder
}

func (s *traces) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &sent)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw.WriteString(sent.String())
	for _, of := range sent.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			for _, span := range scope.Spans {
				id := hex.EncodeToString(span.TraceId)
				s.spans[id] = append(s.spans[id], span.Name)
			}
		}
	}
}

// has finds a trace that has a span for each of the beginnings.
func (s *traces) has(beginnings ...string) (bool, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var said strings.Builder
	for _, spans := range s.spans {
		missing := 0
		for _, beginning := range beginnings {
			found := false
			for _, name := range spans {
				found = found || strings.HasPrefix(name, beginning)
			}
			if !found {
				missing++
			}
		}
		if missing == 0 {
			return true, ""
		}
		said.WriteString(strings.Join(spans, ", ") + "\n")
	}
	return false, tail(said.String(), 3000)
}

// TestOperatorsSee: health, figures, one trace from a mail to the requests that it caused, and a log of events; in none
// of them is anything that a customer wrote or that is secret.
func TestOperatorsSee(t *testing.T) {
	t.Parallel()
	received := &traces{spans: map[string][]string{}}
	receiver := httptest.NewServer(received)
	t.Cleanup(receiver.Close)
	c := &cluster{environment: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.URL, "OTEL_BSP_SCHEDULE_DELAY=200"}, arguments: []string{"--log", "json"}}
	c.start(t, 1)
	worker := c.role(binary, "worker")
	worker.awaitReady(t)
	complaint := plain(c.complaints(sandbox.EndReplace)[0])
	require.NoError(t, c.send(complaint, newID()))
	c.finish(c.onlyCase(complaint.From.Email))

	counted := map[string][]string{
		"worker": {`crosswalk_cases_ended_total{state="done",use_case="customer-complaint"} 1`, `crosswalk_call_seconds_count{class="ok",operation="crm.find_customer",system="crm"}`,
			`crosswalk_effects_total{operation="support.create_task",state="confirmed",system="support"} 1`, "temporal_request{", "temporal_workflow_completed{"},
		"intake": {`crosswalk_intake_entries_total{outcome="started",source="complaints"} 1`, `crosswalk_cases_started_total{use_case="customer-complaint"} 1`},
		"desk":   {`crosswalk_task_answers_total{kind="complete"} 1`},
	}
	figures := map[string]string{}
	for name, p := range map[string]*process{"worker": worker, "intake": c.intake, "desk": c.desk, "engine": c.engine} {
		for _, path := range []string{"/healthz", "/readyz"} {
			until(t, name+" is well", func() (bool, string) { // each look is bounded, which a slow machine may not keep to
				code, body := p.operator(t, path)
				return code == http.StatusOK, path + ": " + body
			})
		}
		// A process counts what it has done after that shows, and some only when Temporal has heard of it.
		until(t, name+" has counted it", func() (bool, string) {
			_, figures[name] = p.operator(t, "/metrics")
			for _, line := range append(counted[name], `crosswalk_build_info{role="`+name+`"`) {
				if !strings.Contains(figures[name], line) {
					return false, line + " is missing in\n" + figures[name]
				}
			}
			return true, ""
		})
	}

	until(t, "one trace shows the way of the mail", func() (bool, string) {
		return received.has("intake complaints", "StartWorkflow:customer-complaint", "RunWorkflow:customer-complaint", "RunActivity:crm.find_customer", "POST crm.find_customer")
	})

	var all strings.Builder
	events := map[string]bool{}
	for _, p := range []*process{worker, c.intake, c.desk} {
		require.Zero(t, p.terminate(t), p.said())
		all.WriteString(p.said())
		for lines := bufio.NewScanner(strings.NewReader(p.said())); lines.Scan(); {
			if !strings.HasPrefix(lines.Text(), "{") {
				continue // "stopping: …" is for people
			}
			var line struct{ Event string }
			require.NoError(t, json.Unmarshal(lines.Bytes(), &line), lines.Text())
			events[line.Event] = true
		}
	}
	for _, event := range []string{"intake.acked", "case.started", "effect.confirmed", "task.answered", "case.ended"} {
		require.True(t, events[event], "%s is not among the events %v", event, events)
	}
	said := all.String() + received.raw.String()
	for _, text := range figures {
		said += text
	}
	secrets, err := filepath.Glob(filepath.Join(c.dir, "secrets", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, secrets)
	private := []string{complaint.From.Email, complaint.From.Name, complaint.Truth.Order, "It is broken", clusterToken, "for-tests"}
	for _, file := range secrets {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if secret := strings.TrimSpace(string(text)); len(secret) > 6 {
			private = append(private, secret)
		}
	}
	for _, one := range private {
		if one != "" {
			require.NotContains(t, said, one)
		}
	}
}
