package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"
)

// order is what the measure tells a driver, one JSON line each.
type order struct {
	Base    string `json:"base"`
	Count   int    `json:"count"`   // robots to run
	Workers int    `json:"workers"` // at the same time
	Kept    bool   `json:"kept"`    // with the login of an earlier one
	Hold    bool   `json:"hold"`    // and stand at /hold before they end
	Picture bool   `json:"picture"` // each ends with a masked picture of its page, a JPEG
}

// answer is what a driver tells about an order.
type answer struct {
	Millis  []float64 `json:"millis"` // of each robot
	HeapKiB int       `json:"heap_kib,omitempty"`
	Error   string    `json:"error,omitempty"`
}

// driver runs one robot: it logs in unless the login is kept, searches, and returns how many rows the list has.
type driver interface {
	robot(ctx context.Context, o order) (rows int, err error)
}

// drive carries out the orders that come on the standard input until it ends.
func drive(ctx context.Context, d driver, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	encoder := json.NewEncoder(out)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		if err := encoder.Encode(carryOut(ctx, d, o)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func carryOut(ctx context.Context, d driver, o order) answer {
	var mutex sync.Mutex
	var a answer
	next := make(chan int, o.Count)
	for i := range o.Count {
		next <- i
	}
	close(next)
	var group sync.WaitGroup
	for range o.Workers {
		group.Go(func() {
			for range next {
				began := time.Now()
				rows, err := d.robot(ctx, o)
				if err == nil && rows != rowsListed {
					err = fmt.Errorf("%d rows instead of %d", rows, rowsListed)
				}
				mutex.Lock()
				if a.Millis = append(a.Millis, float64(time.Since(began).Microseconds())/1000); err != nil {
					a.Error = err.Error()
				}
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	a.HeapKiB = int(memory.HeapAlloc >> 10)
	return a
}

// driven is this program again, as a driver: so that what it costs can be told apart from the measure.
func driven(name, chromium string) error {
	ctx := context.Background()
	var d driver
	switch name {
	case "crosswalk":
		ours, err := newOurs()
		if err != nil {
			return err
		}
		defer ours.pool.Close()
		d = ours
	case "rod":
		plain, err := newPlainRod(chromium)
		if err != nil {
			return err
		}
		defer plain.close()
		d = plain
	default:
		return fmt.Errorf("there is no driver %q", name)
	}
	return drive(ctx, d, os.Stdin, os.Stdout)
}
