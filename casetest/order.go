package casetest

import (
	"fmt"
	"regexp"
	"strings"

	"crosswalk/usecases"
)

// hop is a part of the way from the top of a case to a step: which way of which step, and which item of a loop.
type hop struct {
	step *usecases.Step // nil: a message that joins the case
	way  string
	item string
}

// ranks knows where steps stand in each other, and so which of them are done side by side.
type ranks struct {
	world *world
	outer map[*usecases.Step]hop
	hops  map[spot][]hop
}

func newRanks(w *world) *ranks {
	r := &ranks{world: w, outer: map[*usecases.Step]hop{}, hops: map[spot][]hop{}}
	for _, plan := range w.plans {
		plan.Walk(func(s *usecases.Step) {
			for _, way := range s.Ways() {
				for _, inner := range way.Steps {
					r.outer[inner] = hop{step: s, way: way.Name}
				}
			}
		})
	}
	return r
}

// beside says whether two steps are done side by side, so that nothing is said by which of them came first: in two
// branches, for two items, in a message and in the case itself. What undoes comes after what is done.
func (r *ranks) beside(a, b spot) bool {
	one, other := r.wayTo(a), r.wayTo(b)
	if undoes(one) != undoes(other) {
		return false
	}
	for i := 0; i < len(one) && i < len(other); i++ {
		x, y := one[i], other[i]
		if x == y {
			continue
		}
		switch {
		case x.step == nil || y.step == nil:
			return true
		case x.step != y.step || x.way != y.way && (isUndo(x) || isUndo(y)):
			return false
		case x.step.Together != nil:
			return x.way != y.way
		case x.step.Each != nil:
			return x.way == y.way && !x.step.Each.InOrder
		}
		return false
	}
	return false
}

func isUndo(h hop) bool { return h.way == usecases.UndoWay }

func undoes(way []hop) bool {
	for _, h := range way {
		if isUndo(h) {
			return true
		}
	}
	return false
}

// wayTo is the way to a step, through the cases that run the one that it belongs to.
func (r *ranks) wayTo(at spot) []hop {
	if known, ok := r.hops[at]; ok {
		return known
	}
	var way []hop
	if of := r.world.cases[at.caseID]; of != nil && of.parent != "" {
		from := spot{of.parent, of.step}
		way = append(append(way, r.wayTo(from)...), hop{step: r.world.steps[from], way: "run"})
	}
	if step := r.world.steps[at]; step != nil {
		way = append(way, r.inside(step, at.path)...)
	}
	r.hops[at] = way
	return way
}

// inside is the way to a step within its own case.
func (r *ranks) inside(step *usecases.Step, path string) []hop {
	var way []hop
	for h, ok := r.outer[step]; ok; h, ok = r.outer[h.step] {
		way = append([]hop{h}, way...)
	}
	items := positions(step.Path, path)
	if strings.HasPrefix(path, "joined[") && len(items) > 0 {
		way, items = append([]hop{{item: items[0]}}, way...), items[1:]
	}
	for i := range way {
		if way[i].step != nil && way[i].way == usecases.EachWay && len(items) > 0 {
			way[i].item, items = items[0], items[1:]
		}
	}
	return append(way, hop{step: step})
}

// positions are those of the loops, and the message, that a place has in the place of each [] of the step's path.
func positions(path, place string) []string {
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(path), `\[\]`, `\[([^\]]*)\]`) + "$"
	if !strings.Contains(path, "[]") {
		return nil
	}
	found := regexp.MustCompile(pattern).FindStringSubmatch(place)
	if found == nil {
		return nil
	}
	return found[1:]
}

// matching finds for each thing that is expected the one that happened.
type matching struct {
	ranks *ranks
	want  []effectResult
	got   []effect
	fits  [][]bool
	taken []int // by what is expected: the position of what happened, or -1
	tries int
}

// enough is how many ways are tried to put things into the order that is expected.
const enough = 20_000

func (c *checking) match(want *effectList, got []effect) *matching {
	m := &matching{want: want.list, got: got, taken: make([]int, len(want.list)), fits: make([][]bool, len(want.list))}
	if !want.anyOrder {
		m.ranks = c.ranks
	}
	for i, e := range want.list {
		m.taken[i] = -1
		m.fits[i] = make([]bool, len(got))
		for j, one := range got {
			m.fits[i][j] = one.operation == e.operation && e.input.holds(one.input, c.names)
		}
	}
	return m
}

// perfect finds an order in which everything is as expected.
func (m *matching) perfect(i int, used []bool) bool {
	if i == len(m.want) {
		return true
	}
	for j := range m.got {
		if used[j] || !m.fits[i][j] || m.blocked(j, used) {
			continue
		}
		if m.tries++; m.tries > enough {
			return false
		}
		used[j] = true
		if m.perfect(i+1, used) {
			m.taken[i] = j
			return true
		}
		used[j] = false
	}
	return false
}

// blocked says whether something that certainly came before is still left.
func (m *matching) blocked(j int, used []bool) bool {
	for k := range j {
		if !used[k] && m.before(k, j) {
			return true
		}
	}
	return false
}

// before says that the order of two things that happened, the first one first, is no chance.
func (m *matching) before(first, then int) bool {
	return m.ranks != nil && first < then && !m.ranks.beside(m.got[first].at, m.got[then].at)
}

// most matches as many as fit, whatever their order.
func (m *matching) most() {
	of := make([]int, len(m.got))
	for j := range of {
		of[j] = -1
	}
	var place func(i int, seen []bool) bool
	place = func(i int, seen []bool) bool {
		for j := range m.got {
			if !m.fits[i][j] || seen[j] {
				continue
			}
			seen[j] = true
			if of[j] < 0 || place(of[j], seen) {
				of[j], m.taken[i] = i, j
				return true
			}
		}
		return false
	}
	for i := range m.want {
		place(i, make([]bool, len(m.got)))
	}
}

// list compares what happened with what is expected, where what is done side by side has no order.
func (c *checking) list(want *effectList, got []effect) {
	m := c.match(want, got)
	if len(want.list) == len(got) && m.perfect(0, make([]bool, len(got))) {
		return
	}
	for i := range m.taken {
		m.taken[i] = -1
	}
	m.most()
	used := map[int]bool{}
	for _, j := range m.taken {
		used[j] = true
	}
	for i, e := range want.list {
		if m.taken[i] >= 0 {
			c.order(m, i)
			continue
		}
		if j := m.alike(i, used); j >= 0 {
			used[j] = true
			c.differences(e.operation, e.input, got[j].input)
			continue
		}
		c.fail(failureAt(e.at, "%s did not happen; what happened: %s", e.operation, happenings(got)))
	}
	for j, one := range got {
		if !used[j] {
			c.fail(failureAt(want.at, "%s happened too%s with %s", one.operation, c.inStep(one), shown(one.input)))
		}
	}
}

// alike finds something that happened which is the one that is expected but for its input.
func (m *matching) alike(i int, used map[int]bool) int {
	for j, one := range m.got {
		if !used[j] && one.operation == m.want[i].operation {
			return j
		}
	}
	return -1
}

// order reports that something came after what is expected later.
func (c *checking) order(m *matching, i int) {
	for later := i + 1; later < len(m.want); later++ {
		if j := m.taken[later]; j >= 0 && m.before(j, m.taken[i]) {
			c.fail(failureAt(m.want[i].at, "%s happened after %s, and is expected before it; what happened: %s", m.want[i].operation, m.want[later].operation, happenings(m.got)))
			return
		}
	}
}

func (c *checking) inStep(e effect) string {
	if e.at.path == "" {
		return ","
	}
	return fmt.Sprintf(" in the step %q,", c.world.name(e.at))
}

func happenings(list []effect) string {
	if len(list) == 0 {
		return "nothing"
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.operation
	}
	return strings.Join(names, ", ")
}

// chosen are positions in the order in which something came, as far as that order says something.
type chosen struct {
	ranks *ranks
	at    []spot
	list  []int
}

// allows says whether the one at a position may be the next: it does not come before one that was chosen already,
// unless both are done side by side.
func (c *chosen) allows(i int) bool {
	for _, j := range c.list {
		if i == j || i < j && c.at[i] != c.at[j] && !c.ranks.beside(c.at[i], c.at[j]) {
			return false
		}
	}
	return true
}
