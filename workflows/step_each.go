package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// each runs its steps for every item of a list, all items side by side, and keeps the list's order.
func (r *run) each(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	list, err := r.template(s.Each.In, sc)
	if err != nil {
		return made{}, err
	}
	if list.Len() > usecases.MaxItems {
		return made{}, failed(contracts.Validation, fmt.Sprintf("the list has %d items; at most %d can be worked through inside one case", list.Len(), usecases.MaxItems))
	}
	if list.Len() > 0 {
		r.took(s, sc, usecases.EachWay)
	}
	items := make([]*item, list.Len())
	for i := range items {
		items[i] = &item{run: r, steps: s.Each.Steps, scope: sc.inner()}
		items[i].scope.items = append(items[i].scope.items, i)
		items[i].scope.facts = &facts{outer: sc.facts}
		items[i].scope.set(s.Each.As, list.At(i))
	}
	if err := r.fork(ctx, items); err != nil {
		return made{}, err
	}
	return gather(items, sc)
}

// item is one item of a list while its steps run in a coroutine of their own.
type item struct {
	run   *run
	steps []*usecases.Step
	scope *scope
	value rules.Value
	err   error
}

func (i *item) do(ctx workflow.Context) {
	i.value, i.err = i.run.sequence(ctx, i.steps, i.scope)
	if errors.Is(i.err, errEnd) {
		i.err = i.run.stop(errEnd) // the other items unwind too
	}
}

func gather(items []*item, sc *scope) (made, error) {
	var values []rules.Value
	for _, i := range items {
		if i.err != nil {
			return made{}, i.err
		}
		sc.facts.list = append(sc.facts.list, i.scope.facts.list...)
		if !i.value.IsMissing() {
			values = append(values, i.value)
		}
	}
	return made{value: rules.List(values...)}, nil
}
