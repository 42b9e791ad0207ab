package casetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/store"
)

// Reader carries out what only reads, and says how a write would be carried out. There is no method that writes.
type Reader interface {
	Read(ctx context.Context, system string, operation *contracts.Operation, input rules.Value) (value rules.Value, driver string, err error)
	Route(system, operation string) activities.Route
}

// Ahead is what a case would do.
type Ahead struct {
	UseCase string      `json:"use_case"`
	Calls   []AheadCall `json:"calls"`
	Asks    []AheadAsk  `json:"asks"`
	Steps   []string    `json:"steps"` // that would be taken, in order
	Waits   []string    `json:"waits"` // steps of them that wait, which was skipped
	// Ends says that the case comes to an end; else it stops at the last of its steps, or waits.
	Ends    bool        `json:"ends"`
	Outcome string      `json:"outcome,omitempty"`
	Result  rules.Value `json:"result,omitzero"`
	Stops   []string    `json:"stops,omitempty"` // why it goes no further
}

// AheadCall is a call of a system: a read that was carried out, or a write that was not.
type AheadCall struct {
	Operation string `json:"operation"` // system.operation
	Step      string `json:"step"`      // that calls it
	at        spot
	Effect    contracts.Effect `json:"effect"`
	Driver    string           `json:"driver"`
	Safety    contracts.Safety `json:"safety,omitempty"`
	Input     rules.Value      `json:"input"`
	Failed    string           `json:"failed,omitempty"`
	// Answer is what the case goes on with after a write, which nobody knows: texts say where they would come from.
	Answer  rules.Value `json:"answer,omitzero"`
	Assumed bool        `json:"assumed"` // the answer is made up, and not that of a system or of the file of answers
}

// AheadAsk is a task that somebody would get.
type AheadAsk struct {
	Kind     string `json:"kind"`
	Title    string `json:"title"`
	For      string `json:"for"`
	Answered bool   `json:"answered"` // by the file of answers
}

// lookahead reads real systems for a case and notes the rest.
type lookahead struct {
	reader Reader
	mu     sync.Mutex
	calls  []AheadCall
	known  map[string]bool // calls of which a retry is not told again
}

// note tells of a call that the file of answers answers.
func (l *lookahead) note(ctx context.Context, name string, operation *contracts.Operation, input rules.Value, driver string) {
	l.add(ctx, AheadCall{Operation: name, Effect: operation.Effect, Driver: driver, Input: input})
}

// add tells of a call. Equal calls of two steps, or of two items of a loop, are two.
func (l *lookahead) add(ctx context.Context, call AheadCall) {
	call.at = placeOf(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	key := strings.Join([]string{call.at.caseID, call.at.path, call.Operation, call.Input.Hash(), call.Failed}, " ")
	if !l.known[key] {
		l.known[key] = true
		l.calls = append(l.calls, call)
	}
}

// reply carries out a read. A write is noted, and answered with what its contract says that there must be.
func (l *lookahead) reply(ctx context.Context, name string, operation *contracts.Operation, input rules.Value) (reply, *Failure) {
	system, short, _ := strings.Cut(name, ".")
	if operation.Effect == contracts.Read {
		value, driver, err := l.reader.Read(ctx, system, operation, input)
		call := AheadCall{Operation: name, Effect: operation.Effect, Driver: driver, Input: input}
		if err != nil {
			call.Failed = err.Error()
			l.add(ctx, call)
			return failedReply(err), nil
		}
		l.add(ctx, call)
		return reply{value: value}, nil
	}
	route := l.reader.Route(system, short)
	answer := standIn(operation.Output, name)
	l.add(ctx, AheadCall{Operation: name, Effect: operation.Effect, Driver: route.Driver, Safety: route.Safety, Input: input, Answer: answer, Assumed: true})
	return reply{value: answer}, nil
}

func failedReply(err error) reply {
	failed := reply{fails: contracts.ClassOf(err), message: err.Error()}
	if failed.fails.Temporary() { // a case tries it again for days, which take no time here: the system would be asked without a pause
		failed.fails = contracts.Internal
	}
	var known *contracts.Error
	if errors.As(err, &known) {
		failed.message, failed.candidates = known.Message, known.Candidates
	}
	return failed
}

// standIn is a value of a type, of which nothing is known but where it would come from: what may be missing is.
func standIn(t *rules.Type, from string) rules.Value {
	switch {
	case t == nil || t.Optional:
		return rules.Missing()
	case len(t.Enum) > 0:
		return t.Enum[0]
	}
	switch t.Kind {
	case rules.KindRecord:
		fields := map[string]rules.Value{}
		for _, field := range t.Fields {
			if field.Required && (t.Record == "" || field.Name != "system") {
				fields[field.Name] = standIn(field.Type, from)
			}
		}
		return rules.Record(fields)
	case rules.KindList:
		return rules.List()
	case rules.KindNumber:
		return rules.Number(rules.Int(0))
	case rules.KindBool:
		return rules.Bool(false)
	case rules.KindDate:
		return rules.Date(time.Unix(0, 0).UTC().Date())
	case rules.KindInstant:
		return rules.Instant(time.Unix(0, 0).UTC())
	case rules.KindText:
		return rules.Text("(from " + from + ")")
	}
	return rules.Missing()
}

// LookAhead plays a case of a use case through: reads are carried out, writes only noted, people answered from a file of
// answers (people, systems, runs and events as in a file of tests), times not waited for.
func LookAhead(ctx context.Context, of Subject, input []byte, name string, answers []byte, reader Reader) (*Ahead, source.Problems, error) {
	var text bytes.Buffer
	text.Write(answers)
	given := string(bytes.ReplaceAll(bytes.TrimSpace(input), []byte("${"), []byte("$${")))
	fmt.Fprintf(&text, "\nusecase: %s\nat: '%s'\ninput: %s\ntests: [{name: dry run}]\n", of.Plan.UseCase, time.Now().UTC().Format(time.RFC3339), given)
	file, problems := Parse("", name, text.Bytes(), of)
	if file == nil {
		return nil, problems, nil
	}
	dir, err := os.MkdirTemp("", "crosswalk-dry-run-*")
	if err != nil {
		return nil, nil, fmt.Errorf("casetest: %w", err)
	}
	defer os.RemoveAll(dir)
	w := newWorld(file.Tests[0], "dry-run")
	w.ahead = &lookahead{reader: reader, known: map[string]bool{}}
	if w.store, err = store.Open(ctx, filepath.Join(dir, "store"), store.Volatile(), store.WithClock(w.now)); err != nil {
		return nil, nil, fmt.Errorf("casetest: %w", err)
	}
	defer w.store.Close()
	end, err := w.execute()
	found := &Ahead{UseCase: of.Plan.UseCase, Calls: append([]AheadCall{}, w.ahead.calls...), Asks: []AheadAsk{}, Steps: []string{}, Waits: []string{}}
	for i := range found.Calls {
		found.Calls[i].Step = w.name(found.Calls[i].at)
	}
	for _, step := range w.took {
		found.Steps = append(found.Steps, w.name(step.at))
		if step.step.Wait != nil {
			found.Waits = append(found.Waits, w.name(step.at))
		}
	}
	for _, failure := range w.failures {
		stop := failure.Message
		if failure.Hint != "" {
			stop += " (" + failure.Hint + ")"
		}
		found.Stops = append(found.Stops, stop)
	}
	for _, task := range w.tasks {
		if len(w.failures) > 0 && task.Kind == activities.KindRepair && !w.given[task.ID] {
			continue // nobody would be asked: it is the dry run that does not go on there
		}
		ask := AheadAsk{Kind: task.Kind, Title: task.Title, For: strings.TrimSpace(strings.Join([]string{task.Queue, task.Role, task.Assignee}, " ")), Answered: w.given[task.ID]}
		if found.Asks = append(found.Asks, ask); !ask.Answered {
			found.Stops = append(found.Stops, fmt.Sprintf("nobody answers the task %q (%s): answer it with --answers", task.Title, task.Kind))
		}
	}
	if err != nil {
		found.Stops = append(found.Stops, err.Error())
	}
	if found.Ends = err == nil && !end.stuck; found.Ends {
		found.Outcome, found.Result = end.outcome.Outcome, end.outcome.Result
		found.Stops = nil
	} else if len(found.Stops) == 0 {
		found.Stops = append(found.Stops, "it waits for an event that the answers do not tell of")
	}
	return found, nil, nil
}
