package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/workspace"
)

// How much of what a poller could not use is put aside. Beyond it the cursor stays where it is.
const (
	asideItems = 100
	asideBytes = 1 << 20
)

// aside is an item that a poller could not use, for a reason that trying again does not change. It is kept, and tried with
// every run: the workspace may have been mended, and the cursor has gone past it.
type aside struct {
	ID    string                 `json:"id"`
	Since time.Time              `json:"since"`
	Scope map[string]rules.Value `json:"scope"` // of what the poller's expressions read
}

func asideName(poller string) string { return "poller-aside/" + poller }

// refused says that nothing but another workspace makes an item usable.
func refused(err error) bool {
	var known *contracts.Error
	return errors.Is(err, ErrInput) || errors.As(err, &known) && !known.Class.Temporary()
}

// putAside lists what was put aside and is not forgotten yet: it is kept as long as events are.
func (r *timerRunner) putAside(ctx context.Context, timer *workspace.Timer) ([]aside, error) {
	text, err := r.store.Meta(ctx, asideName(timer.Name))
	if err != nil || text == "" {
		return nil, ignoreMissing(err)
	}
	var kept []aside
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		return nil, fmt.Errorf("worker: what the poller %s has put aside: %w", timer.Name, err)
	}
	return slices.DeleteFunc(kept, func(one aside) bool { return time.Since(one.Since) > r.keep() }), nil
}

// setAside adds an item to what is put aside.
func setAside(kept []aside, timer *workspace.Timer, scope map[string]rules.Value) []aside {
	one := aside{ID: scope["item"].Hash(), Since: time.Now().UTC(), Scope: map[string]rules.Value{"item": scope["item"]}}
	for _, template := range []*rules.Template{timer.Poll.ID, timer.Does.With, timer.Does.Key} {
		if template != nil && slices.ContainsFunc(template.Reads(), func(path string) bool { return path == "result" || strings.HasPrefix(path, "result.") }) {
			one.Scope["result"] = scope["result"]
		}
	}
	if slices.ContainsFunc(kept, func(other aside) bool { return other.ID == one.ID }) {
		return kept
	}
	return append(kept, one)
}

// keepAside writes down what is put aside. It is false if that is too much.
func (r *timerRunner) keepAside(ctx context.Context, timer *workspace.Timer, kept []aside) (bool, error) {
	text := []byte{}
	if len(kept) > 0 {
		var err error
		if text, err = json.Marshal(kept); err != nil || len(kept) > asideItems || len(text) > asideBytes {
			return false, err
		}
	}
	known, err := r.store.Meta(ctx, asideName(timer.Name))
	if err = ignoreMissing(err); err != nil || known == string(text) {
		return err == nil, err
	}
	err = r.store.SetMeta(ctx, asideName(timer.Name), string(text))
	return err == nil, err
}
