// Command bench measures what the interpreter costs, on one tuned embedded server, against the same plan written by
// hand. Run it with `make bench`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "fulfilment" {
		fatal(serveFulfilment(os.Args[2]))
	}
	rounds := flag.Int("rounds", 9, "rounds; the variants take turns in each")
	cases := flag.Int("cases", 100, "cases of each variant in a round")
	atOnce := flag.Int("at-once", 50, "cases at once")
	robots := flag.Int("robot-cases", 40, "cases with the robot")
	items := flag.Int("items", 1000, "items of the long list")
	waiting := flag.Int("waiting", 10_000, "cases that wait for a person")
	only := flag.String("only", "", "measure only this: ratios or sizes")
	profile := flag.String("profile", "", "write a CPU profile of the interpreter's batches to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch *only {
	case "", "ratios", "sizes":
	default:
		fatal(fmt.Errorf("there is no part %q: ratios, sizes", *only))
	}
	if *only != "sizes" {
		fatal(run(ctx, *rounds, *cases, *atOnce, *robots, *profile))
	}
	if *only != "ratios" {
		fatal(sizes(ctx, *items, *waiting, *atOnce))
	}
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds, cases, atOnce, robots int, profile string) error {
	dir, err := os.MkdirTemp("", "crosswalk-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := open(ctx, dir)
	defer b.close()
	if err != nil {
		return err
	}
	if err := b.throughput(ctx, rounds, cases, atOnce, profile); err != nil {
		return err
	}
	if err := os.WriteFile(configOf(dir), []byte(b.withRobot), 0o600); err != nil {
		return err
	}
	if err := b.house.publish(ctx); err != nil {
		return err
	}
	took, _, err := b.batch(ctx, interpreter, robots, atOnce)
	if err != nil {
		return err
	}
	fmt.Printf("\nwith the robot reading the fulfilment portal, %d cases, %d at once: %.0f cases a minute\n", robots, atOnce, float64(robots)/took.Minutes())
	if len(b.mismatches) > 0 {
		return fmt.Errorf("the variants came to different results: %v", b.mismatches[:min(3, len(b.mismatches))])
	}
	return nil
}

// throughput lets the variants take turns, so that what the machine does beside them meets all alike.
func (b *bench) throughput(ctx context.Context, rounds, cases, atOnce int, profile string) error {
	rates, alone, busy := map[string][]float64{}, map[string][]time.Duration{}, map[string][]time.Duration{}
	work, theirs := map[string][]time.Duration{}, map[string][]time.Duration{} // processor time for one case: of this process, of the stand-ins
	for _, v := range variants {                                               // warm: connections, links, caches
		if _, _, err := b.batch(ctx, v, atOnce, atOnce); err != nil {
			return err
		}
	}
	for round := range rounds {
		order := slices.Clone(variants)
		for range round % len(order) {
			order = append(order[1:], order[0])
		}
		for _, v := range order {
			if v.name == interpreter.name && profile != "" && round == rounds-1 {
				stop, err := profiling(profile)
				if err != nil {
					return err
				}
				defer stop()
			}
			before, beforeThem := processorTime(), b.company.processorTime()
			took, each, err := b.batch(ctx, v, cases, atOnce)
			if err != nil {
				return err
			}
			pprof.StopCPUProfile()
			work[v.name] = append(work[v.name], (processorTime()-before)/time.Duration(cases))
			theirs[v.name] = append(theirs[v.name], (b.company.processorTime()-beforeThem)/time.Duration(cases))
			rates[v.name] = append(rates[v.name], float64(cases)/took.Seconds())
			busy[v.name] = append(busy[v.name], each[len(each)/2])
			_, one, err := b.batch(ctx, v, 5, 1)
			if err != nil {
				return err
			}
			alone[v.name] = append(alone[v.name], one...)
			fmt.Fprintf(os.Stderr, "round %d, %s: %.1f cases/s\n", round+1, v.name, float64(cases)/took.Seconds())
		}
	}
	b.report(rates, alone, busy, work, theirs, rounds, cases, atOnce)
	return nil
}

func profiling(path string) (func(), error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return func() { _ = file.Close() }, pprof.StartCPUProfile(file)
}

// processorTime is what this process, the Temporal server in it, has used; what else runs on the machine does not show.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median[T float64 | time.Duration](list []T) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

func (b *bench) report(rates map[string][]float64, alone, busy, work, theirs map[string][]time.Duration, rounds, cases, atOnce int) {
	fmt.Printf("\n%-40s %8s %15s %13s %15s %11s %7s %7s\n", "variant", "cases/s", "median at once", "median alone", "processor/case", "stand-ins'", "events", "bytes")
	for _, v := range variants {
		fmt.Printf("%-40s %8.1f %15s %13s %15s %11s %7d %7d\n", v.name, median(rates[v.name]), median(busy[v.name]).Round(time.Millisecond),
			median(alone[v.name]).Round(100*time.Microsecond), median(work[v.name]).Round(100*time.Microsecond), median(theirs[v.name]).Round(100*time.Microsecond),
			b.histories[v.name].events, b.histories[v.name].bytes)
	}
	fmt.Println()
	goal := func(what string, other variant, wants ...float64) {
		ratios := []float64{}
		for i, rate := range rates[interpreter.name] {
			ratios = append(ratios, rate/rates[other.name][i])
		}
		got := median(ratios)
		fmt.Printf("%-62s %5.2f", what, got)
		for _, want := range wants {
			fmt.Printf("  goal at least %.2f  %s", want, verdict(got >= want))
		}
		fmt.Println()
	}
	goal("(a) interpreter / same plan by hand", handWritten, 0.9, 0.95)
	goal("(b) interpreter / one ordinary activity per step", perStep, 2.5)
	goal("(c) interpreter / empty workflow", empty, 0.6, 0.7)
	bound := []float64{}
	for i, rate := range rates[handWritten.name] {
		bound = append(bound, rate/rates[empty.name][i])
	}
	fmt.Printf("%-62s %5.2f\n", "    to compare: same plan by hand / empty workflow", median(bound))
	// Processor time tells the variants apart on a machine that does other things too, where rates do not.
	spent := func(v variant) (ours, all float64) {
		ours = float64(median(work[v.name]))
		return ours, ours + float64(median(theirs[v.name]))
	}
	ours, all := spent(interpreter)
	handOurs, _ := spent(handWritten)
	_, emptyAll := spent(empty)
	fmt.Printf("%-62s %5.2f\n", "    processor time, same plan by hand / interpreter", handOurs/ours)
	fmt.Printf("%-62s %5.2f\n", "    processor time and stand-ins', empty workflow / interpreter", emptyAll/all)
	latency := float64(median(alone[interpreter.name])) / float64(median(alone[perStep.name]))
	fmt.Printf("%-62s %5.2f  goal at most  %.1f  %s\n", "    latency of one case alone / one ordinary activity per step", latency, 0.5, verdict(latency <= 0.5))
	fmt.Printf("\nHow: %d rounds, %d cases of each variant in a round, %d at once, the variants taking turns in one process on %d processors; embedded\n"+
		"Temporal on SQLite (WAL, synchronous=FULL) and our store likewise; eight system calls a case over HTTP and SQL to stand-ins in processes of\n"+
		"their own on the same machine, without rate limits; effects in the ledger; a ratio is the median of the rounds' ratios. By hand in Go are the\n"+
		"same activities, local ones, and the same record; one activity per step keeps no record. Each complaint came to the same result in all\n"+
		"variants (%d complaints), and each case has one ticket.\n", rounds, cases, atOnce, runtime.NumCPU(), len(b.results))
}

func verdict(ok bool) string {
	if ok {
		return "reached"
	}
	return "MISSED"
}
