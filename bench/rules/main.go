// Command rules measures decisions of rule tables against the same tables as one plain expr program, in cel-go and in
// OPA: one run, the same random facts, and the same answers, which are checked before anything is measured.
//
//	make benchrules
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"crosswalk/rules"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench/rules:", err)
		os.Exit(1)
	}
}

// way is one way to find the row that decides, or -1.
type way struct {
	name   string
	decide func(i int) (row int, err error)
}

// table is a table in every language, with facts for each.
type table struct {
	name string
	rows []row
	in   []inputs
	ways []way
}

const (
	factSets = 512
	batch    = 60 * time.Millisecond
	rounds   = 7
)

func run(ctx context.Context) error {
	var first []float64
	for _, size := range []struct {
		rows, columns int
		ratios        bool
	}{{20, 4, true}, {1000, 6, false}} {
		t, compiled, facts, err := newTable(ctx, size.rows, size.columns)
		if err != nil {
			return err
		}
		if err := t.check(); err != nil {
			return err
		}
		fmt.Printf("%s, first match, %d random facts, all ways give the same rows; the fastest of %d rounds\n", t.name, factSets, rounds)
		costs := t.measure()
		for i, w := range t.ways {
			fmt.Printf("  %-28s %12.0f ns   %6.1f times ours   %5.1f allocations\n", w.name, costs[i].nanos, costs[i].nanos/costs[0].nanos, costs[i].allocations)
		}
		if size.ratios {
			first = []float64{costs[0].nanos}
			recorded := cheapest(func(i int) error { _, err := compiled.Decide(facts[i]); return err })
			explained := cheapest(func(i int) error { _, err := compiled.Explain(facts[i]); return err })
			fmt.Printf("  %-28s %12.0f ns   %6.1f times ours   (facts checked and hashed, as a case decides)\n", "a decision with its record", recorded.nanos, recorded.nanos/costs[0].nanos)
			fmt.Printf("  %-28s %12.0f ns   %6.1f times ours   %5.1f times a decision with its record\n", "a full explanation of it", explained.nanos, explained.nanos/costs[0].nanos, explained.nanos/recorded.nanos)
		} else {
			fmt.Printf("  %d rows cost %.1f times 20 rows\n", size.rows, costs[0].nanos/first[0])
		}
	}
	return nil
}

// check compares the answers of all ways.
func (t *table) check() error {
	hits := map[int]bool{}
	for i := range t.in {
		want, err := t.ways[0].decide(i)
		if err != nil {
			return err
		}
		hits[want] = true
		for _, w := range t.ways[1:] {
			got, err := w.decide(i)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			if got != want {
				return fmt.Errorf("%s: %s gives row %d, %s row %d for %+v", t.name, t.ways[0].name, want, w.name, got, t.in[i])
			}
		}
	}
	if len(hits) < 5 {
		return fmt.Errorf("%s: only %d different rows decide", t.name, len(hits))
	}
	return nil
}

type cost struct{ nanos, allocations float64 }

func (t *table) measure() []cost {
	costs := make([]cost, len(t.ways))
	for i, w := range t.ways {
		costs[i] = cheapest(func(i int) error { _, err := w.decide(i); return err })
	}
	return costs
}

// cheapest is the cost of one call in the fastest round.
func cheapest(call func(i int) error) cost {
	var best cost
	for round := range rounds {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		count, began := 0, time.Now()
		for time.Since(began) < batch {
			for range 16 {
				if err := call(count % factSets); err != nil {
					panic(err) // they have been checked
				}
				count++
			}
		}
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		now := cost{float64(took.Nanoseconds()) / float64(count), float64(after.Mallocs-before.Mallocs) / float64(count)}
		if round == 0 || now.nanos < best.nanos {
			best.nanos = now.nanos
		}
		if round == 0 || now.allocations < best.allocations {
			best.allocations = now.allocations
		}
	}
	return best
}

// ours is the table as a file of ours.
func ours(all []row, columns int) (*rules.Table, error) {
	names := []string{"amount", "tier", "country", "urgent", "months", "category"}[:columns]
	var b strings.Builder
	b.WriteString("rules: 1\ntable: bench\nhit: first\nfacts: {amount: {type: number, required: true}, tier: {enum: [bronze, silver, gold, platinum], required: true}, country: {type: string, required: true}, urgent: {type: boolean, required: true}, months: {type: number, required: true}, category: {type: string, required: true}}\n")
	b.WriteString("inputs: [" + strings.Join(names, ", ") + "]\noutputs: {row: {type: number, required: true}}\ndefault: {row: -1}\nrows: |\n  id | " + strings.Join(names, " | ") + " | row\n")
	for i, r := range all {
		fmt.Fprintf(&b, "  R%d | %s | %d\n", i, strings.Join(r.cells(columns), " | "), i)
	}
	compiled, problems := rules.ParseTable("bench.yaml", []byte(b.String()), nil)
	return compiled, problems.Err()
}
