package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
)

// Backtest runs a changed table over recorded decisions.
type Backtest struct {
	Table  *rules.Table
	Filter store.DecisionFilter
	// InForce is what the changed table is compared with: a decision that an earlier version made is made again by it. Nil
	// compares with what was recorded.
	InForce *rules.Table
	// Value is a number that says what a decision is about, such as an amount; nil: nothing is added up.
	Value *rules.Expression
	// Examples is how many cases are named of each group.
	Examples int
	// Progress, if there is one, is told now and then how many decisions are done.
	Progress func(done, of int)
}

// BacktestReport says what a changed table would have decided.
type BacktestReport struct {
	Table     string `json:"table"`
	Against   string `json:"against"` // in force, recorded
	Decisions int    `json:"decisions"`
	Same      int    `json:"same"`
	Flipped   int    `json:"flipped"`
	// Failed is how many cannot be evaluated any more: their facts are not what the table takes now.
	Failed int `json:"failed"`
	// Earlier is how many were made by another version of the table than the one in force.
	Earlier  int        `json:"earlier_versions"`
	Value    string     `json:"value,omitempty"` // the formula of what is added up
	Groups   []Flips    `json:"groups"`          // by how many they are
	Failures []Failures `json:"failures"`
	Period   [2]string  `json:"period"` // the first and the last decision
	first    time.Time
	last     time.Time
}

// Flips are decisions that change in the same way.
type Flips struct {
	From     TableResult `json:"from"`
	To       TableResult `json:"to"`
	Various  bool        `json:"various,omitempty"` // the outputs are of many kinds: those of one decision are shown
	Count    int         `json:"count"`
	Sum      *rules.Num  `json:"-"`
	Total    string      `json:"total,omitempty"`    // of the value
	Unvalued int         `json:"unvalued,omitempty"` // decisions without one
	Examples []Example   `json:"examples"`
}

// TableResult is what a table says of some facts.
type TableResult struct {
	Row     string           `json:"row,omitempty"`
	Outputs rules.PlainValue `json:"outputs"`
	Error   string           `json:"error,omitempty"`
}

// Same says whether two results have the same outputs, or are both none; which row decided does not matter.
func (r TableResult) Same(other TableResult) bool {
	return (r.Error != "") == (other.Error != "") && r.Outputs.Equal(other.Outputs.Value)
}

// Failures are decisions that cannot be evaluated for the same reason.
type Failures struct {
	Reason   string    `json:"reason"`
	Count    int       `json:"count"`
	Examples []Example `json:"examples"`
}

// Example is one recorded decision.
type Example struct {
	Case      string    `json:"case"`
	Reference string    `json:"reference,omitempty"` // of the case, for people
	Step      string    `json:"step"`
	At        time.Time `json:"at"`
	Value     string    `json:"value,omitempty"`
}

// maxFlipGroups bounds the memory of a back-test: where every decision has outputs of its own, they are put together by
// their rows.
const maxFlipGroups = 2000

// backtesting is a back-test that runs.
type backtesting struct {
	Backtest
	report   *BacktestReport
	groups   map[string]*Flips
	failures map[string]*Failures
}

// Run looks at every decision that the filter chooses. Few are held in memory at a time.
func (b Backtest) Run(ctx context.Context, s *store.Store) (*BacktestReport, error) {
	b.Filter.Table = b.Table.Name
	total, err := s.CountDecisions(ctx, b.Filter)
	if err != nil {
		return nil, err
	}
	run := &backtesting{Backtest: b, groups: map[string]*Flips{}, failures: map[string]*Failures{},
		report: &BacktestReport{Table: b.Table.Name, Against: "in force", Groups: []Flips{}, Failures: []Failures{}}}
	if b.InForce == nil {
		run.report.Against = "recorded"
	}
	if b.Value != nil {
		run.report.Value = b.Value.Text()
	}
	err = s.EachDecision(ctx, b.Filter, func(decision store.Decision) error {
		if err := run.look(decision); err != nil {
			return fmt.Errorf("case %s, step %s: %w", decision.CaseID, decision.Path, err)
		}
		if b.Progress != nil && run.report.Decisions%500 == 0 {
			b.Progress(run.report.Decisions, total)
		}
		return ctx.Err()
	})
	report := run.finish()
	// What was decided again until the time was up is told with its references all the same.
	return report, errors.Join(err, report.name(context.WithoutCancel(ctx), s))
}

// name adds the references of the cases that are examples. A case that is gone has none.
func (r *BacktestReport) name(ctx context.Context, s *store.Store) error {
	var examples []*Example
	for _, group := range r.Groups {
		for i := range group.Examples {
			examples = append(examples, &group.Examples[i])
		}
	}
	for _, failed := range r.Failures {
		for i := range failed.Examples {
			examples = append(examples, &failed.Examples[i])
		}
	}
	for _, one := range examples {
		found, err := s.Case(ctx, one.Case)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		one.Reference = found.Reference
	}
	return nil
}

func (b *backtesting) look(decision store.Decision) error {
	facts, err := recorded(decision.Facts)
	if err != nil {
		return err
	}
	outputs, err := recorded(decision.Outputs)
	if err != nil {
		return err
	}
	r := b.report
	if r.Decisions++; r.first.IsZero() {
		r.first = decision.At
	}
	r.last = decision.At
	from := TableResult{Row: decision.Row, Outputs: rules.PlainValue{Value: outputs}, Error: decision.Error}
	if b.InForce != nil && decision.TableHash != b.InForce.Hash {
		r.Earlier++
		if now, err := decideAgain(b.InForce, facts); err == nil {
			from = now
		}
	}
	to, err := decideAgain(b.Table, facts)
	if err != nil {
		if decision.Error != "" {
			r.Same++ // there was no decision then either
			return nil
		}
		r.Failed++
		b.fail(decision, err)
		return nil
	}
	if from.Row == to.Row && from.Same(to) || from.Error != "" && to.Error != "" {
		r.Same++
		return nil
	}
	r.Flipped++
	b.flip(decision, facts, from, to)
	return nil
}

// decideAgain asks a table; the error says that the facts are not what it takes.
func decideAgain(table *rules.Table, facts rules.Value) (TableResult, error) {
	decision, err := table.Decide(table.Facts.Known(facts))
	var unfit rules.DecodeErrors
	switch {
	case errors.As(err, &unfit):
		return TableResult{}, unfit
	case err != nil:
		return TableResult{Error: err.Error()}, nil
	}
	return TableResult{Row: decision.Row, Outputs: rules.PlainValue{Value: decision.Outputs}}, nil
}

func (b *backtesting) flip(decision store.Decision, facts rules.Value, from, to TableResult) {
	rows := from.Row + "\x00" + to.Row
	key := strings.Join([]string{rows, string(from.Outputs.Plain()), string(to.Outputs.Plain()), from.Error, to.Error}, "\x00")
	group := b.groups[key]
	if group == nil && len(b.groups) >= maxFlipGroups {
		key = rows
		group = b.groups[key]
	}
	if group == nil {
		group = &Flips{From: from, To: to, Various: key == rows, Examples: []Example{}}
		b.groups[key] = group
	}
	group.Count++
	value, ok := b.valueOf(facts)
	example := exampleOf(decision)
	if ok {
		example.Value = value.String()
		sum := value
		if group.Sum != nil {
			var err error
			if sum, err = group.Sum.Add(value); err != nil {
				sum = *group.Sum
				group.Unvalued++
			}
		}
		group.Sum = &sum
	} else if b.Value != nil {
		group.Unvalued++
	}
	if len(group.Examples) < b.Examples {
		group.Examples = append(group.Examples, example)
	}
}

func exampleOf(decision store.Decision) Example {
	return Example{Case: decision.CaseID, Step: decision.Path, At: decision.At}
}

// valueOf is what a decision is about; false if its facts do not say so.
func (b *backtesting) valueOf(facts rules.Value) (rules.Num, bool) {
	if b.Value == nil {
		return rules.Num{}, false
	}
	known, err := b.Table.Facts.Decode(b.Table.Facts.Known(facts))
	if err != nil {
		return rules.Num{}, false
	}
	variables := make(map[string]rules.Value, known.Len())
	for _, key := range known.Keys() {
		variables[key] = known.Get(key)
	}
	v, err := b.Value.Eval(variables)
	if err != nil || v.Kind() != rules.KindNumber {
		return rules.Num{}, false
	}
	return v.Num(), true
}

func (b *backtesting) fail(decision store.Decision, err error) {
	reason := err.Error()
	group := b.failures[reason]
	if group == nil && len(b.failures) >= maxFlipGroups {
		reason = "other reasons"
		group = b.failures[reason]
	}
	if group == nil {
		group = &Failures{Reason: reason, Examples: []Example{}}
		b.failures[reason] = group
	}
	if group.Count++; len(group.Examples) < b.Examples {
		group.Examples = append(group.Examples, exampleOf(decision))
	}
}

func (b *backtesting) finish() *BacktestReport {
	r := b.report
	if r.Decisions > 0 {
		r.Period = [2]string{r.first.UTC().Format(time.RFC3339), r.last.UTC().Format(time.RFC3339)}
	}
	for _, key := range sortedKeys(b.groups) {
		group := *b.groups[key]
		if group.Sum != nil {
			group.Total = group.Sum.String()
		}
		r.Groups = append(r.Groups, group)
	}
	for _, reason := range sortedKeys(b.failures) {
		r.Failures = append(r.Failures, *b.failures[reason])
	}
	slices.SortStableFunc(r.Groups, func(x, y Flips) int { return cmp.Compare(y.Count, x.Count) })
	slices.SortStableFunc(r.Failures, func(x, y Failures) int { return cmp.Compare(y.Count, x.Count) })
	return r
}

// TableInForce is the table of a name that is in force: of one use case, or of whichever decides with it. It is nil if
// there is none.
func TableInForce(ctx context.Context, s *store.Store, name, useCase string) (*rules.Table, error) {
	version, err := s.Version(ctx)
	if err != nil {
		return nil, err
	}
	state, err := StateAt(ctx, s, version)
	if err != nil {
		return nil, err
	}
	for _, of := range sortedKeys(state.Bundles) {
		if useCase == "" || of == useCase {
			if table := tableOf(state.Bundles[of], name); table != nil {
				return table, nil
			}
		}
	}
	return nil, nil
}
