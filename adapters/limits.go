package adapters

import (
	"fmt"
	"slices"
	"time"

	"crosswalk/source"
)

// Limit is one promise about how hard a system is used: so many requests in a time, or so many at once.
type Limit struct {
	Requests    int           // how many in Per; 0: no limit of rate
	Per         time.Duration //
	Concurrency int           // how many at once; 0: no limit
	Operations  []string      // the operations it holds for; none: all
	Cost        *cost         // what the system counts instead; nil: nothing
}

// ParseLimits reads limits as adapters and workspaces write them: one mapping or a list of them.
func ParseLimits(node *source.Node) []Limit {
	nodes := []*source.Node{node}
	if node.Kind() == source.List {
		nodes = node.List()
	}
	var limits []Limit
	for _, n := range nodes {
		fields := n.Fields(limitShape)
		limit := Limit{Concurrency: positive(fields["concurrency"]), Operations: fields["operations"].Texts(), Cost: parseCost(fields["cost"])}
		for name, per := range map[string]time.Duration{"per_second": time.Second, "per_minute": time.Minute, "per_hour": time.Hour} {
			if fields[name] == nil {
				continue
			}
			if limit.Per != 0 {
				n.Errorf("write a list of limits", "two rates in one limit")
			}
			limit.Requests, limit.Per = positive(fields[name]), per
		}
		if limit.Requests > 0 || limit.Concurrency > 0 || limit.Cost != nil {
			limits = append(limits, limit)
		}
	}
	return limits
}

func positive(n *source.Node) int {
	if n == nil {
		return 0
	}
	if i := n.Int(); i > 0 {
		return i
	}
	n.Errorf("", "a limit must be a number above 0")
	return 0
}

func (l Limit) covers(operation string) bool {
	return len(l.Operations) == 0 || slices.Contains(l.Operations, operation)
}

func (l Limit) name() string { return fmt.Sprintf("%d/%s %v", l.Requests, l.Per, l.Operations) }
