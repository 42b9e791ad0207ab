package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrClosed says that the store has been closed.
var ErrClosed = errors.New("the store is closed")

// largestBatch bounds how many writes share one commit, and with it how long the first of them waits.
const largestBatch = 64

// committer runs all writes one after the other. What waits when a transaction begins goes into it, each write in
// its own savepoint, and one fsync makes all of them durable: many cases at once cost little more than one.
type committer struct {
	begin func() (transaction, error)
	end   func() error
	jobs  chan *job
	stop  chan struct{}
	once  sync.Once
	ended sync.WaitGroup
}

type transaction interface {
	querier
	Commit() error
	Rollback() error
}

type job struct {
	ctx      context.Context
	do       func(tx session) error
	err      error
	panicked any
	done     chan struct{}
}

func newCommitter(begin func() (transaction, error), end func() error) *committer {
	c := &committer{begin: begin, end: end, jobs: make(chan *job), stop: make(chan struct{})}
	c.ended.Go(c.loop)
	return c
}

// write returns when what do wrote is durable, or has left no trace. Once its turn has come it is not interrupted:
// SQLite would roll back the writes of others with it.
func (c *committer) write(ctx context.Context, do func(tx session) error) error {
	j := &job{ctx: ctx, do: do, done: make(chan struct{})}
	select {
	case c.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.stop:
		return ErrClosed
	}
	<-j.done
	if j.panicked != nil {
		panic(j.panicked)
	}
	return j.err
}

// close ends the committer after the write that is in progress.
func (c *committer) close() {
	c.once.Do(func() { close(c.stop) })
	c.ended.Wait()
}

func (c *committer) loop() {
	for {
		select {
		case <-c.stop:
			_ = c.end() // nothing is under way
			return
		case first := <-c.jobs:
			c.batch(first)
		}
	}
}

// batch runs the first job and all that wait, and commits them together.
func (c *committer) batch(first *job) {
	jobs := []*job{first}
	tx, err := c.begin()
	if err == nil {
		for i := 0; err == nil && i < len(jobs); i++ {
			err = jobs[i].run(tx)
			if len(jobs) < largestBatch {
				jobs = c.another(jobs)
			}
		}
		if err == nil {
			err = tx.Commit()
		} else {
			err = errors.Join(err, tx.Rollback())
		}
	}
	for _, j := range jobs {
		if err != nil && j.err == nil {
			j.err = fmt.Errorf("commit: %w", err)
		}
		close(j.done)
	}
}

func (c *committer) another(jobs []*job) []*job {
	select {
	case next := <-c.jobs:
		return append(jobs, next)
	default:
		return jobs
	}
}

// run carries out one job in a savepoint. The error that it returns is of the transaction; that of the job is kept.
func (j *job) run(tx transaction) error {
	background := context.WithoutCancel(j.ctx)
	if j.err = j.ctx.Err(); j.err != nil {
		return nil
	}
	if _, err := tx.ExecContext(background, "SAVEPOINT job"); err != nil {
		return err
	}
	if j.call(tx); j.err != nil || j.panicked != nil {
		if _, err := tx.ExecContext(background, "ROLLBACK TO SAVEPOINT job"); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(background, "RELEASE SAVEPOINT job")
	return err
}

func (j *job) call(tx transaction) {
	defer func() { j.panicked = recover() }()
	j.err = j.do(session{querier: tx, whole: true})
}
