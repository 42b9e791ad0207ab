package adapters

import (
	"context"
	"math"
	"strconv"
	"time"

	"crosswalk/rules"
	"crosswalk/source"
)

// cost is a limit that counts what requests cost: the system says in its answers how much is left, and how much comes
// back in a second.
type cost struct {
	available *rules.Template
	restore   *rules.Template
	request   *rules.Template // what must be left for a request like this one, also where it was refused for it
	used      *rules.Template // what it really cost; nil: it is not said
	reserve   int             // what must be left for the next request
}

var costShape = source.Record(
	source.Field{Name: "available", Is: source.Template(), Required: true, About: "Where an answer says how much is left; it sees status, headers and body.", Example: "'${body.extensions.cost.throttleStatus.currentlyAvailable}'"},
	source.Field{Name: "restore", Is: source.Template(), Required: true, About: "Where it says how much comes back in a second.", Example: "'${body.extensions.cost.throttleStatus.restoreRate}'"},
	source.Field{Name: "request", Is: source.Template(), About: "Where it says what the request costs, also one that was refused for it.", Default: "reserve", Example: "'${body.extensions.cost.requestedQueryCost}'"},
	source.Field{Name: "used", Is: source.Template(), About: "Where it says what the request really cost: with less left than that, all wait.", Default: "reserve", Example: "'${body.extensions.cost.actualQueryCost}'"},
	source.Field{Name: "reserve", Is: source.Whole(), Required: true, About: "What must be left for the next request: with less, all wait.", Example: "100"},
)

func parseCost(node *source.Node) *cost {
	if node == nil {
		return nil
	}
	fields, in := node.Fields(costShape), answerScope(emptyScope())
	c := &cost{available: in.template(node.Required("available", "where an answer says how much is left")), restore: in.template(node.Required("restore", "where it says how much comes back in a second")),
		request: in.template(fields["request"]), used: in.template(fields["used"])}
	if node.Required("reserve", "what must be left for the next request").Exists() {
		c.reserve = positive(fields["reserve"])
	}
	return c
}

// wait is how long it takes until there is enough for a request like the one that was answered. An answer that does not
// say it says nothing.
func (c *cost) wait(vars map[string]rules.Value, refused bool) time.Duration {
	number := func(t *rules.Template) (float64, bool) {
		if t == nil {
			return 0, false
		}
		value, err := t.Eval(vars)
		if err != nil {
			return 0, false
		}
		count, err := strconv.ParseFloat(value.String(), 64)
		return count, err == nil && count >= 0 && !math.IsInf(count, 0)
	}
	available, told := number(c.available)
	restore, told2 := number(c.restore)
	if !told || !told2 || restore <= 0 {
		return 0
	}
	needed := float64(c.reserve)
	if used, ok := number(c.used); ok {
		needed = max(needed, used) // the next one is likely to be as dear
	}
	if request, ok := number(c.request); ok && refused {
		needed = max(needed, request)
	}
	seconds := min(MaxWait.Seconds(), max(0, needed-available)/restore)
	return time.Duration(seconds * float64(time.Second))
}

// spent looks at what an answer says of the costs. If too little is left everybody waits, in all processes; it returns
// how long.
func (c *Connection) spent(ctx context.Context, e *exchange, answer rules.Value, refused bool) (wait time.Duration) {
	for _, limit := range e.limits {
		if limit.Cost != nil {
			wait = max(wait, limit.Cost.wait(resultVars(map[string]rules.Value{}, answer), refused))
		}
	}
	if wait > 0 {
		c.hold(ctx, wait)
	}
	return wait
}
