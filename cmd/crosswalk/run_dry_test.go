package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const dryWorkspace = `systems:
  crm: {contract: crm, drivers: [{adapter: deskly, base_url: %[1]q, secrets: {token: 'file:token'}}]}
  support: {contract: support, drivers: [{adapter: tickets, base_url: %[1]q, secrets: {token: 'file:token'}}]}
people: {roles: roles.yaml}
network: {allow: ['%[1]s']}
`

const dryRoles = "queues: {front: {roles: [agent]}}\nusers: [{name: Ada, email: ada@example.com, roles: [agent], password_hash: '$argon2id$v=19$m=65536,t=1,p=2$c2FsdHNhbHQ$aGFzaGhhc2g'}]\n"

const dryUseCase = `usecase: question
input: {email: {type: string, required: true}, text: {type: string, required: true}}
steps:
  - id: customer
    call: crm.find_customer
    with: {email: '${input.email}'}
  - id: pause
    wait: {for: 3 days}
  - id: task
    call: support.create_task
    with: {queue: front, title: 'Question of ${customer.name}', text: '${input.text}', reference: '${case.reference}'}
  - id: reply
    ask: {what: approve, queue: front}
  - id: closing
    call: support.update_task
    with: {task: '${task}', status: solved}
  - end: {outcome: answered, result: {task: '${task.id}'}}
`

const dryCRM = `adapter: deskly
contract: crm
connection: {base_url: 'https://crm.example', secrets: {token: {required: true}}}
auth: {bearer: '${secret.token}'}
operations:
  find_customer:
    request: {get: /people, query: {email: '${input.email}'}}
    output: {id: '${text(answer.body.id)}', name: '${answer.body.name}', email: '${answer.body.email}'}
`

const dryTickets = `adapter: tickets
contract: support
connection: {base_url: 'https://tickets.example', secrets: {token: {required: true}}}
auth: {bearer: '${secret.token}'}
operations:
  create_task:
    safety: {idempotency_key: {header: Request-Key}}
    request: {post: /tasks, json: {subject: '${input.title}'}}
    output: {id: '${text(answer.body.id)}', number: '1', status: new}
  update_task:
    safety: natural_key
    request: {put: '/tasks/${input.task}', json: {status: '${input.status}'}}
    output: {id: '${text(answer.body.id)}', number: '1', status: solved}
`

// dryFolder is a workspace whose systems are all at one address, with an input and a file of answers.
func dryFolder(t *testing.T, url, useCase, input, answers string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"crosswalk.yaml": fmt.Sprintf(dryWorkspace, url), "roles.yaml": dryRoles, "token": "t0ken-1234", "usecases/question.yaml": useCase,
		"adapters/deskly.yaml": dryCRM, "adapters/tickets.yaml": dryTickets, "input.json": input, "answers.yaml": answers,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func dryOf(t *testing.T, dir string, more ...string) string {
	t.Helper()
	root := rootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetArgs(append([]string{"run", "question", "--dry-run", "--dir", dir, "--input", filepath.Join(dir, "input.json")}, more...))
	require.NoError(t, root.ExecuteContext(t.Context()))
	return out.String()
}

// TestDryRunSendsNothing counts what reaches the systems: the reads, and nothing else.
func TestDryRunSendsNothing(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	systems := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked[r.Method+" "+r.URL.Path]++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"id": 7, "name": "Jane Doe", "email": "jane@example.com"}`)
	}))
	defer systems.Close()
	dir := dryFolder(t, systems.URL, dryUseCase, `{"email": "jane@example.com", "text": "What costs ${it}?"}`, "people: [{step: reply, answer: {approved: true}}]\n")
	answers := filepath.Join(dir, "answers.yaml")
	dry := func(more ...string) string { return dryOf(t, dir, more...) }

	stopped := dry()
	require.Contains(t, stopped, "stops: nobody answers the task")
	require.NotContains(t, stopped, "support.update_task")

	whole := dry("--answers", answers)
	for _, line := range []string{"read  crm.find_customer (adapter:deskly)", "WOULD WRITE support.create_task (adapter:tickets, safe by idempotency_key)", "Question of Jane Doe", "What costs ${it}?",
		"WOULD WRITE support.update_task (adapter:tickets, safe by natural_key)", "(from support.create_task)", "answered by the file of answers", "waits that were skipped: pause", "ends: answered"} {
		require.Contains(t, whole, line)
	}
	require.NotContains(t, whole+stopped, "t0ken")

	var told struct {
		Calls []struct{ Operation, Effect string }
		Ends  bool
	}
	require.NoError(t, json.Unmarshal([]byte(dry("--answers", answers, "--json")), &told))
	require.True(t, told.Ends)
	require.Len(t, told.Calls, 3)

	for request, times := range asked {
		require.True(t, strings.HasPrefix(request, "GET "), "%s was sent %d time(s)", request, times)
	}
	require.Equal(t, map[string]int{"GET /people": 3}, asked)
}

// TestDryRunTellsOfEveryWrite: what is written for several items is several writes, be they equal; so are their undos.
func TestDryRunTellsOfEveryWrite(t *testing.T) {
	t.Parallel()
	dir := dryFolder(t, "http://127.0.0.1:1", `usecase: question
input: {lines: {type: array, items: string, required: true}}
steps:
  - id: tasks
    each:
      in: '${input.lines}'
      as: line
      steps:
        - id: task
          call: support.create_task
          with: {queue: front, title: '${line}', text: '${line}', reference: '${case.reference}'}
          undo: [{call: support.update_task, with: {task: '${task}', status: solved}}]
  - end: {outcome: refused, undo: true}
`, `{"lines": [`+strings.Repeat(`"equal", `, 59)+`"equal"]}`, "")
	var told struct {
		Calls []struct{ Operation, Step string }
	}
	require.NoError(t, json.Unmarshal([]byte(dryOf(t, dir, "--json")), &told))
	steps := map[string]bool{}
	for _, call := range told.Calls {
		steps[call.Step] = true
	}
	require.Len(t, told.Calls, 120)
	require.Len(t, steps, 120)
	require.True(t, steps["tasks[7].task"] && steps["tasks[7].task.undo[0]"], "%v", steps)

	said := dryOf(t, dir)
	require.Contains(t, said, "steps: tasks, tasks[].task (60 times), end[1], tasks[].task.undo[0] (60 times)")
	require.Contains(t, said, "writes that were not sent: 120\n")
	require.Equal(t, 40, strings.Count(said, "(adapter:tickets, safe by"))
	require.Contains(t, said, "not shown here, but with --json: WOULD WRITE support.create_task in tasks[].task (40 times)\n")
}

// TestDryRunStopsAtSomebodyElsesWorker: what stops there is the dry run, and nobody would be asked to repair anything.
func TestDryRunStopsAtSomebodyElsesWorker(t *testing.T) {
	t.Parallel()
	dir := dryFolder(t, "http://127.0.0.1:1", `usecase: question
input: {name: {type: string, required: true}}
steps:
  - id: score
    run: {activity: Score, task_queue: credit, input: {name: {type: string, required: true}}, result: {score: {type: integer, required: true}}}
    with: {name: '${input.name}'}
  - end: {outcome: '${score.score > 2 ? "good" : "bad"}'}
`, `{"name": "Ada"}`, "runs: {Score: {gives: {score: 3}}}\n")
	said := dryOf(t, dir)
	require.Contains(t, said, `stops: Score was called with {"name":"Ada"}, which a dry run does not do (write it under runs:, as in Score: {gives: …})`)
	require.NotContains(t, said, "repair")
	require.Contains(t, dryOf(t, dir, "--answers", filepath.Join(dir, "answers.yaml")), "ends: good")
}
