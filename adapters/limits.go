package adapters

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"crosswalk/source"
)

// Limit is one promise about how hard a system is used: so many requests in a time, or so many at once.
type Limit struct {
	Requests    int           // how many in Per; 0: no limit of rate
	Per         time.Duration //
	Concurrency int           // how many at once; 0: no limit
	Operations  []string      // the operations it holds for; none: all
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
		limit := Limit{Concurrency: positive(fields["concurrency"]), Operations: fields["operations"].Texts()}
		for name, per := range map[string]time.Duration{"per_second": time.Second, "per_minute": time.Minute, "per_hour": time.Hour} {
			if fields[name] == nil {
				continue
			}
			if limit.Per != 0 {
				n.Errorf("write a list of limits", "two rates in one limit")
			}
			limit.Requests, limit.Per = positive(fields[name]), per
		}
		if limit.Requests > 0 || limit.Concurrency > 0 {
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

// bucket turns a limit into a token bucket that stays below it in every window of its length: what may
// come in one burst is taken off the steady rate.
func (l Limit) bucket() *rate.Limiter {
	share := 10
	if l.Per == time.Second {
		share = 4
	}
	burst := max(1, l.Requests/share)
	steady := math.Max(float64(l.Requests-burst), float64(l.Requests)/2)
	return rate.NewLimiter(rate.Limit(steady/l.Per.Seconds()), burst)
}

// Shared is what all connections to a system know together about its limits. In one process this is
// [NewMemory]; several workers will share it through the store.
type Shared interface {
	// Pause says that the system asked for silence until then.
	Pause(ctx context.Context, system string, until time.Time) error
	// Take takes one request from each limit and returns how long to wait before it is made. If that
	// is longer than patience, nothing is taken.
	Take(ctx context.Context, system string, limits []Limit, patience time.Duration) (time.Duration, error)
}

// NewMemory returns the shared state of one process.
func NewMemory() Shared { return &memory{systems: map[string]*systemState{}} }

type memory struct {
	mu      sync.Mutex
	systems map[string]*systemState
}

type systemState struct {
	paused  time.Time
	buckets map[string]*rate.Limiter
}

func (m *memory) system(name string) *systemState {
	state := m.systems[name]
	if state == nil {
		state = &systemState{buckets: map[string]*rate.Limiter{}}
		m.systems[name] = state
	}
	return state
}

func (m *memory) Pause(_ context.Context, system string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if state := m.system(system); until.After(state.paused) {
		state.paused = until
	}
	return nil
}

func (m *memory) Take(_ context.Context, system string, limits []Limit, patience time.Duration) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	state, now := m.system(system), time.Now()
	longest := max(0, state.paused.Sub(now))
	var taken []*rate.Reservation
	for _, limit := range limits {
		if limit.Requests == 0 {
			continue
		}
		bucket := state.buckets[limit.name()]
		if bucket == nil {
			bucket = limit.bucket()
			state.buckets[limit.name()] = bucket
		}
		reservation := bucket.ReserveN(now, 1)
		taken = append(taken, reservation)
		longest = max(longest, reservation.DelayFrom(now))
	}
	if longest > patience {
		for _, reservation := range taken {
			reservation.CancelAt(now)
		}
	}
	return longest, nil
}
