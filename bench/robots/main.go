// Command robots measures the same robot (log in, search, read a list of 51 rows) run by Crosswalk, by plain rod and by
// Playwright: one run, by turns, on the same pages and the same Chromium. CPU time is that of the driver and of all
// processes of its browser.
//
//	make benchrobots
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"crosswalk/robots"
)

// What is aimed at.
const (
	aimedRatio  = 0.7  // of Playwright's CPU time
	aimedMinute = 200  // robots on two cores
	aimedGrowth = 0.10 // of the browser's memory, over all runs
)

type settings struct {
	rounds, count, workers, contexts, runs, cold int
	chromium                                     string
}

func main() {
	var s settings
	drive := flag.String("drive", "", "run as this driver, for the measure itself")
	flag.StringVar(&s.chromium, "chromium", "", "the browser; else the one that Crosswalk finds")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of each driver, by turns")
	flag.IntVar(&s.count, "count", 15, "robots in each round")
	flag.IntVar(&s.workers, "workers", 2, "robots at a time, where the throughput is measured")
	flag.IntVar(&s.contexts, "contexts", 10, "robots that are held, to measure their memory")
	flag.IntVar(&s.runs, "runs", 1000, "robots in a row, to look for growth; 0 leaves it out")
	flag.IntVar(&s.cold, "cold", 3, "cold starts of each driver; 0 leaves them out")
	only := flag.String("drivers", strings.Join(names, ","), "who is measured; all are compared with the last")
	flag.Parse()
	names = strings.Split(*only, ",")
	var err error
	if s.chromium == "" {
		s.chromium, err = robots.FindChromium(robots.Shell)
	}
	if err == nil && *drive != "" {
		err = driven(*drive, s.chromium)
	} else if err == nil {
		err = measure(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/robots:", err)
		os.Exit(1)
	}
}

func measure(s settings) error {
	p, err := servePages()
	if err != nil {
		return err
	}
	fmt.Printf("log in, search, read %d rows; %s; load of the machine %s\n", rowsListed, s.chromium, load())
	if err := coldStarts(s, p); err != nil {
		return err
	}
	var children []*child
	for _, name := range names {
		c, err := startChild(name, s.chromium)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer c.stop()
		children = append(children, c)
		for _, kept := range []bool{false, true, true} { // warm up, and log in once
			if _, err := c.do(order{Base: p.address, Count: 1, Workers: 1, Kept: kept}); err != nil {
				return err
			}
		}
	}
	for _, picture := range []bool{true, false} {
		for _, kept := range []bool{false, true} {
			if err := byTurns(s, p, children, kept, picture); err != nil {
				return err
			}
		}
	}
	if err := throughput(s, p, children); err != nil {
		return err
	}
	if err := held(s, p, children); err != nil {
		return err
	}
	if s.runs > 0 {
		if err := growth(s, p, children[0]); err != nil {
			return err
		}
	}
	fmt.Printf("load of the machine at the end %s\n", load())
	return nil
}

// byTurns measures CPU and wall time of one robot at a time.
func byTurns(s settings, p *pages, children []*child, kept, picture bool) error {
	costs := make([][]cost, len(children))
	for range s.rounds {
		for i, c := range children {
			one, err := c.do(order{Base: p.address, Count: s.count, Workers: 1, Kept: kept, Picture: picture})
			if err != nil {
				return err
			}
			costs[i] = append(costs[i], one)
		}
	}
	what := "a context of its own and a login for each robot"
	if kept {
		what = "a context of its own for each robot, the login kept"
	}
	if what += ", no pictures"; picture {
		what = strings.TrimSuffix(what, ", no pictures") + ", each ends with a masked picture"
	}
	fmt.Printf("\n%s; %d rounds of %d by turns, the median round\n", what, s.rounds, s.count)
	cpus, walls := make([]float64, len(children)), make([]float64, len(children))
	for i := range children {
		cpus[i] = median(each(costs[i], func(c cost) float64 { return c.cpu }))
		walls[i] = median(each(costs[i], func(c cost) float64 { return c.wall }))
	}
	last := len(children) - 1
	for i, c := range children {
		ratios := make([]float64, s.rounds)
		for round := range ratios {
			ratios[round] = costs[i][round].cpu / costs[last][round].cpu
		}
		fmt.Printf("  %-11s CPU %6.0f ms (%.2f of Playwright's; in the rounds %.2f)   wall %6.0f ms (%.2f)\n", c.name, cpus[i], cpus[i]/cpus[last], ratios, walls[i], walls[i]/walls[last])
	}
	return verdict(cpus[0]/cpus[last] <= aimedRatio, "at most %.1f of Playwright's CPU", aimedRatio)
}

// throughput measures robots per minute with several at a time.
func throughput(s settings, p *pages, children []*child) error {
	for _, kept := range []bool{false, true} {
		best, cpu := make([]float64, len(children)), make([]float64, len(children))
		for range 3 {
			for i, c := range children {
				one, err := c.do(order{Base: p.address, Count: 2 * s.count, Workers: s.workers, Kept: kept, Picture: true})
				if err != nil {
					return err
				}
				best[i] = max(best[i], float64(2*s.count)/one.took.Minutes())
				if cpu[i] == 0 || one.cpu < cpu[i] {
					cpu[i] = one.cpu
				}
			}
		}
		fmt.Printf("\nrobots a minute, %d at a time, the best of 3 rounds; login kept: %t; load %s\n", s.workers, kept, load())
		for i, c := range children {
			fmt.Printf("  %-11s %4.0f a minute; its CPU time alone would allow %4.0f on 2 free cores\n", c.name, best[i], 2*60_000/cpu[i])
		}
		if err := verdict(best[0] >= aimedMinute, "at least %d a minute", aimedMinute); err != nil {
			return err
		}
	}
	return nil
}

// held measures the memory of robots that stand still on a page.
func held(s settings, p *pages, children []*child) error {
	fmt.Printf("\nmemory, with what processes share divided among them (PSS); %d robots that stand still\n", s.contexts)
	for _, c := range children {
		before, driver := memoryMiB(c.pid(), false), memoryMiB(c.pid(), true)-memoryMiB(c.pid(), false)
		if err := c.send(order{Base: p.address, Count: s.contexts, Workers: s.contexts, Kept: true, Hold: true}); err != nil {
			return err
		}
		for end := time.Now().Add(2 * time.Minute); p.waiting.Load() < int32(s.contexts); {
			if time.Now().After(end) {
				return fmt.Errorf("%s: only %d of %d robots stand still", c.name, p.waiting.Load(), s.contexts)
			}
			time.Sleep(50 * time.Millisecond)
		}
		c.rest()
		during := memoryMiB(c.pid(), false)
		for range s.contexts {
			p.release <- struct{}{}
		}
		if _, err := c.receive(); err != nil {
			return err
		}
		fmt.Printf("  %-11s browser %4.0f MiB, driver %4.0f MiB, and %5.1f MiB for each robot\n", c.name, before, driver, (during-before)/float64(s.contexts))
	}
	return nil
}

// growth runs many robots in one browser and looks at what stays.
func growth(s settings, p *pages, c *child) error {
	fmt.Printf("\n%d robots in one browser\n", s.runs)
	var first, last struct {
		heap, processes int
		memory          float64
	}
	const parts = 10
	for part := range parts {
		one, err := c.do(order{Base: p.address, Count: s.runs / parts, Workers: s.workers, Kept: part%2 == 1, Picture: true})
		if err != nil {
			return err
		}
		last.heap, last.memory, last.processes = one.heap, memoryMiB(c.pid(), false), len(tree(c.pid()))
		if part == 0 {
			first = last
		}
		fmt.Printf("  after %4d: browser %4.0f MiB, %d processes, heap of the driver %.1f MiB\n", (part+1)*s.runs/parts, last.memory, last.processes, float64(last.heap)/1024)
	}
	return verdict(last.memory <= first.memory*(1+aimedGrowth) && last.heap-first.heap < 5<<10, "no growth: at most %.0f %% of the browser's memory and 5 MiB of heap since the first tenth", 100*aimedGrowth)
}

// coldStarts measures the time from the start of a driver's program to the end of its first robot.
func coldStarts(s settings, p *pages) error {
	if s.cold == 0 {
		return nil
	}
	times := make([][]float64, len(names))
	for range s.cold {
		for i, name := range names {
			began := time.Now()
			c, err := startChild(name, s.chromium)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			err = c.send(order{Base: p.address, Count: 1, Workers: 1, Picture: true})
			if err == nil {
				_, err = c.receive()
			}
			times[i] = append(times[i], float64(time.Since(began).Milliseconds()))
			c.stop()
			if err != nil {
				return err
			}
		}
	}
	fmt.Println("\ncold start: from the start of the program to the end of the first robot with its picture, the median of", s.cold)
	for i, name := range names {
		fmt.Printf("  %-11s %5.0f ms\n", name, median(times[i]))
	}
	return nil
}

func each(costs []cost, what func(cost) float64) []float64 {
	var all []float64
	for _, c := range costs {
		all = append(all, what(c))
	}
	return all
}

func verdict(reached bool, aim string, values ...any) error {
	word := "reached"
	if !reached {
		word = "NOT reached"
	}
	_, err := fmt.Printf("  aim: "+aim+": "+word+"\n", values...)
	return err
}
