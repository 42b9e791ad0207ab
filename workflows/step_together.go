package workflows

import (
	"errors"
	"strings"

	"go.temporal.io/sdk/workflow"

	"crosswalk/rules"
	"crosswalk/usecases"
)

// group is work that goes on side by side and that one of its parts can make unwind: the branches of a together, the
// steps that undo another one.
type group struct {
	outer *group
	step  *usecases.Step // the together; nil: nothing in it fails
	// stopped says that everybody in it unwinds.
	stopped bool
	kept    []string // the errors in it that a continued run would have to know, see keep
}

// keep remembers an error that a together takes until all its branches have ended: a case that goes on in a new run
// meanwhile does not try the step again.
func (g *group) keep(r *run, key string, f *failure, round int) {
	for ; g.step == nil; g = g.outer {
	}
	r.state.Troubles[key] = troubleOf(f, round)
	g.kept = append(g.kept, key)
}

// forget ends that.
func (g *group) forget(r *run) {
	for _, key := range g.kept {
		delete(r.state.Troubles, key)
	}
}

// unwinding says whether the group, or one around it, has stopped.
func (g *group) unwinding() bool {
	for ; g != nil; g = g.outer {
		if g.stopped {
			return true
		}
	}
	return false
}

// takes says whether an error is taken by the on_error of a together around it. If so, the branches beside it unwind
// wherever a together stops at the first error. What nobody takes is a person's business, and stops nobody.
func (g *group) takes(f *failure) bool {
	taker := g
	for ; taker != nil; taker = taker.outer {
		if taker.step == nil {
			continue
		}
		if _, ok := taker.step.On(f.Class); ok {
			break
		}
	}
	if taker == nil {
		return false
	}
	for one := g; one != taker.outer; one = one.outer {
		if one.step != nil && !one.step.Together.All {
			one.stopped = true
		}
	}
	return true
}

// together runs branches side by side. It goes on when every branch has come to its end or has unwound.
func (r *run) together(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	beside := &group{outer: sc.group, step: s}
	branches := make([]*item, len(s.Together.Branches))
	for i, one := range s.Together.Branches {
		r.took(s, sc, usecases.TogetherWay(one.Name))
		branches[i] = &item{run: r, steps: one.Steps, scope: sc.inner()}
		branches[i].scope.group = beside
		branches[i].scope.facts = &facts{outer: sc.facts}
	}
	if err := r.fork(ctx, branches); err != nil {
		return made{}, err
	}
	result, err := r.join(s, branches, sc)
	if !r.stays(err, r.place(s, sc).Path) {
		beside.forget(r)
	}
	return result, err
}

// join puts the results of the branches together, or their errors. What steers the case goes before any error.
func (r *run) join(s *usecases.Step, branches []*item, sc *scope) (made, error) {
	results, unwound := map[string]rules.Value{}, false
	var broken []failedBranch
	for i, b := range branches {
		name := s.Together.Branches[i].Name
		sc.facts.list = append(sc.facts.list, b.scope.facts.list...)
		f, isFailure := asFailure(b.err)
		switch {
		case b.err == nil:
			results[name] = b.value
		case isFailure:
			broken = append(broken, failedBranch{name, f})
		case errors.Is(b.err, errUnwind):
			unwound = true
		default:
			return made{}, b.err
		}
	}
	if len(broken) > 0 {
		return made{}, failedBranches(broken, results)
	}
	if unwound { // because of a together further out
		return made{}, errUnwind
	}
	return made{value: rules.Record(results)}, nil
}

type failedBranch struct {
	name    string
	failure *failure
}

// failedBranches is the error of a together: that of the first branch in the file that failed, with the words of all.
func failedBranches(broken []failedBranch, results map[string]rules.Value) *failure {
	var words []string
	for _, b := range broken {
		words = append(words, strings.TrimSuffix(b.name+": "+string(b.failure.Class)+": "+b.failure.Message, ": "))
	}
	whole := *broken[0].failure
	whole.branch, whole.results = broken[0].name, rules.Record(results)
	if len(words) > 1 {
		whole.Message = strings.Join(words, "; ")
	}
	return &whole
}
