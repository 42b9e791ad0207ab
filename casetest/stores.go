package casetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync/atomic"
	"time"

	"crosswalk/store"
)

// stores gives one test after the other an empty store. It is the same one, emptied: opening one for each, and parsing all
// its statements again, costs as much as the cases themselves.
type stores struct {
	dir    string
	opened *store.Store
	clock  atomic.Pointer[func() time.Time] // of the case that has the store
}

// empty gives a store with nothing in it, and takes it from whoever had it.
func (s *stores) empty(ctx context.Context, now func() time.Time) (*store.Store, error) {
	s.clock.Store(&now)
	if s.opened != nil {
		return s.opened, s.opened.Clear(ctx)
	}
	var err error
	s.opened, err = store.Open(ctx, s.dir, store.Volatile(), store.WithClock(func() time.Time { return (*s.clock.Load())() }))
	return s.opened, err
}

func (s *stores) close() error {
	var err error
	if s.opened != nil {
		err = s.opened.Close()
	}
	if err = errors.Join(err, os.RemoveAll(s.dir)); err != nil {
		return fmt.Errorf("casetest: %w", err)
	}
	return nil
}

var errLeft = errors.New("the case is over")

// enter says whether an activity may still begin. What enters lets go of the gate when it is done.
func (w *world) enter() bool {
	w.gate.RLock()
	if w.left {
		w.gate.RUnlock()
	}
	return !w.left
}

// leave waits for the activities that are at work, and lets no more begin: a case may end without waiting for all that it
// asked for, and the store is that of the next case then.
func (w *world) leave() {
	w.gate.Lock()
	defer w.gate.Unlock()
	w.left = true
}

// guarded is an activity that does nothing once the case is over.
func (w *world) guarded(function any) any {
	f := reflect.ValueOf(function)
	return reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
		if w.enter() {
			defer w.gate.RUnlock()
			return f.Call(args)
		}
		out := make([]reflect.Value, f.Type().NumOut())
		for i := range out {
			out[i] = reflect.Zero(f.Type().Out(i))
		}
		out[len(out)-1] = reflect.ValueOf(&errLeft).Elem()
		return out
	}).Interface()
}
