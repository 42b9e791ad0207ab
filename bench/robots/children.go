package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// names of the drivers, ours first, and last the one that all are compared with.
var names = []string{"crosswalk", "rod", "playwright"}

// child is one driver with its browser, in processes of its own.
type child struct {
	name    string
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

// here is the folder of this program's source, where what npm fetched lies.
func here() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}

// startChild starts a driver. The browser starts with it or with its first order.
func startChild(name, chromium string) (*child, error) {
	var command *exec.Cmd
	if name == "playwright" {
		command = exec.Command("node", filepath.Join(here(), "playwright.js"), chromium)
	} else {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		command = exec.Command(self, "-drive", name, "-chromium", chromium)
	}
	command.Env = append(os.Environ(), "CROSSWALK_CHROMIUM="+chromium)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c := &child{name: name, command: command, in: in, out: bufio.NewScanner(out)}
	c.out.Buffer(nil, 1<<20)
	return c, command.Start()
}

func (c *child) pid() int { return c.command.Process.Pid }

func (c *child) send(o order) error { return json.NewEncoder(c.in).Encode(o) }

func (c *child) receive() (answer, error) {
	var a answer
	if !c.out.Scan() {
		return a, fmt.Errorf("%s ended: %w", c.name, errors.Join(c.out.Err(), io.ErrUnexpectedEOF))
	}
	if err := json.Unmarshal(c.out.Bytes(), &a); err != nil {
		return a, fmt.Errorf("%s: %w", c.name, err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("%s: %s", c.name, a.Error)
	}
	return a, nil
}

// do carries out an order and says what it cost.
func (c *child) do(o order) (cost, error) {
	before, began := cpuSeconds(c.pid()), time.Now()
	if err := c.send(o); err != nil {
		return cost{}, err
	}
	a, err := c.receive()
	took := time.Since(began)
	c.rest()
	return cost{cpu: 1000 * (cpuSeconds(c.pid()) - before) / float64(o.Count), wall: median(a.Millis), took: took, heap: a.HeapKiB}, err
}

// rest waits until the processes of a driver do next to nothing: pages are closed after the robot has its answer.
func (c *child) rest() {
	for last, end := cpuSeconds(c.pid()), time.Now().Add(3*time.Second); time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
		now := cpuSeconds(c.pid())
		if now-last <= 0.01 {
			return
		}
		last = now
	}
}

func (c *child) stop() {
	_ = c.in.Close()
	done := make(chan struct{})
	go func() { _ = c.command.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		for _, pid := range tree(c.pid()) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		<-done
	}
}

// cost is what robots cost: CPU and wall time of one, in milliseconds.
type cost struct {
	cpu, wall float64
	took      time.Duration // of all
	heap      int           // of the driver, in KiB
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
