package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// ErrClosed says that the store has been closed.
var ErrClosed = errors.New("the store is closed")

// largestBatch bounds how many writes share one commit, and with it how long the first of them waits.
const largestBatch = 64

// committer runs all writes one after the other. What waits when a transaction begins goes into it, and one fsync makes
// all of them durable: many cases at once cost little more than one. If one of several fails, all of it is undone and
// done again with each write in a savepoint of its own: savepoints for what hardly ever fails would cost as much as the
// writes.
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
	begun    bool // its turn has come
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
		if jobs, err = c.together(tx, jobs); err == nil {
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

// together runs the jobs and all that come meanwhile in one transaction. The error that it returns is of the
// transaction; those of the jobs are kept.
func (c *committer) together(tx transaction, jobs []*job) ([]*job, error) {
	for i := 0; i < len(jobs); i++ {
		if !jobs[i].run(tx) {
			return jobs, apart(tx, jobs)
		}
		if len(jobs) < largestBatch {
			jobs = c.another(jobs)
		}
	}
	return jobs, nil
}

// apart undoes the jobs and runs each in a savepoint, so that those that fail leave no trace and the others stay. A
// write says of itself that it may be run again.
func apart(tx transaction, jobs []*job) error {
	for _, statement := range []string{"ROLLBACK", "BEGIN IMMEDIATE"} {
		if _, err := tx.ExecContext(context.Background(), statement); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		if err := j.alone(tx); err != nil {
			return err
		}
	}
	return nil
}

// another takes a job that waits. Those that are about to come are let come first: who shares a commit saves one.
func (c *committer) another(jobs []*job) []*job {
	for range 2 {
		select {
		case next := <-c.jobs:
			return append(jobs, next)
		default:
			runtime.Gosched()
		}
	}
	return jobs
}

// run carries out one job, unless its caller gave up before its turn came, and says whether it succeeded.
func (j *job) run(tx transaction) bool {
	if j.err = j.ctx.Err(); j.err != nil && !j.begun {
		return true // it has done nothing
	}
	j.begun = true
	j.call(tx)
	return j.err == nil && j.panicked == nil
}

// alone carries out one job in a savepoint. The error that it returns is of the transaction; that of the job is kept.
func (j *job) alone(tx transaction) error {
	background := context.WithoutCancel(j.ctx)
	if _, err := tx.ExecContext(background, "SAVEPOINT job"); err != nil {
		return err
	}
	if !j.run(tx) {
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
