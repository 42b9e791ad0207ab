package workflows

import (
	"errors"

	"go.temporal.io/sdk/workflow"

	"crosswalk/rules"
	"crosswalk/usecases"
)

// each runs its steps for every item of a list and keeps the list's order.
func (r *run) each(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	list, err := r.template(s.Each.In, sc)
	if err != nil {
		return made{}, err
	}
	if list.Len() > 0 {
		r.took(s, sc, usecases.EachWay)
	}
	if list.Len() > usecases.WindowItems {
		return r.windows(ctx, s, sc, list)
	}
	return r.items(ctx, s, sc, list.Items(), 0)
}

// items works through some items of a list: all side by side, or one after the other.
func (r *run) items(ctx workflow.Context, s *usecases.Step, sc *scope, list []rules.Value, first int) (made, error) {
	items := make([]*item, len(list))
	for i := range items {
		items[i] = &item{run: r, steps: s.Each.Steps, scope: sc.inner()}
		items[i].scope.items = append(items[i].scope.items, first+i)
		items[i].scope.facts = &facts{outer: sc.facts}
		items[i].scope.set(s.Each.As, list[i])
	}
	if s.Each.InOrder {
		for i := 0; i < len(items) && (i == 0 || items[i-1].err == nil); i++ {
			items[i].do(ctx)
		}
	} else if err := r.fork(ctx, items); err != nil {
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
