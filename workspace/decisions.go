package workspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
)

// ErrTableGone says that no bundle of a case has the table that a decision of it was made by.
var ErrTableGone = errors.New("the table as it was then is not stored any more")

// DecidedTables finds the tables that recorded decisions were made by, as they were then: in the bundle that the case
// has kept, whatever has been published since. It may be used by several goroutines at once.
type DecidedTables struct {
	store *store.Store
	mutex sync.Mutex
	known map[string]*rules.Table // by name and hash
}

// maxKnownTables bounds how many tables are held in memory.
const maxKnownTables = 100

// NewDecidedTables looks for tables in a store.
func NewDecidedTables(s *store.Store) *DecidedTables {
	return &DecidedTables{store: s, known: map[string]*rules.Table{}}
}

// Table finds the table of a decision; ErrTableGone if it is not there as it was.
func (t *DecidedTables) Table(ctx context.Context, decision store.Decision) (*rules.Table, error) {
	key := decision.Table + " " + decision.TableHash
	t.mutex.Lock()
	table := t.known[key]
	t.mutex.Unlock()
	if table != nil {
		return table, nil
	}
	bundles, err := t.bundles(ctx, decision.CaseID)
	if err != nil {
		return nil, err
	}
	for _, hash := range bundles {
		bundle, err := bundleOf(ctx, t.store, hash)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("workspace: %w", err)
		}
		if table = tableOf(bundle, decision.Table); table != nil && table.Hash == decision.TableHash {
			t.keep(key, table)
			return table, nil
		}
	}
	return nil, fmt.Errorf("table %s: %w", decision.Table, ErrTableGone)
}

// bundles are those that a case has, or had before it was moved to another.
func (t *DecidedTables) bundles(ctx context.Context, caseID string) ([]string, error) {
	of, err := t.store.Case(ctx, caseID)
	if err != nil {
		return nil, err
	}
	repairs, err := t.store.Repairs(ctx, caseID)
	if err != nil {
		return nil, err
	}
	hashes := []string{of.BundleHash}
	for _, repair := range repairs {
		hashes = append(hashes, repair.BundleBefore, repair.Bundle)
	}
	slices.Sort(hashes[1:])
	return slices.DeleteFunc(slices.Compact(hashes), func(hash string) bool { return hash == "" }), nil
}

func (t *DecidedTables) keep(key string, table *rules.Table) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.known) >= maxKnownTables {
		clear(t.known)
	}
	t.known[key] = table
}

// DecisionExplained is a recorded decision with its explanation, worked out from the recorded facts and the table as it
// was.
type DecisionExplained struct {
	Case       string    `json:"case"`
	Step       string    `json:"step"`
	Generation int       `json:"generation"`
	At         time.Time `json:"at"`
	*rules.Explanation
	// Recorded is what was recorded, if it is not what the table says now: the engine has changed since.
	Recorded string `json:"recorded,omitempty"`
}

// Explain explains a recorded decision.
func (t *DecidedTables) Explain(ctx context.Context, decision store.Decision) (DecisionExplained, error) {
	result := DecisionExplained{Case: decision.CaseID, Step: decision.Path, Generation: decision.Generation, At: decision.At}
	table, err := t.Table(ctx, decision)
	if err != nil {
		return result, err
	}
	facts, err := recorded(decision.Facts)
	if err != nil {
		return result, fmt.Errorf("workspace: the facts of %s: %w", decision.Path, err)
	}
	if result.Explanation, err = table.Explain(facts); err != nil { // they never were what the table takes
		result.Explanation = &rules.Explanation{Table: table.Name, Title: table.Title, Hash: table.Hash, Decided: []string{},
			Error: err.Error(), Text: "No decision: " + err.Error(), Inputs: []rules.ExplainedInput{}, Rows: []rules.ExplainedRow{}, NearMisses: []rules.NearMiss{}}
	}
	outputs, err := recorded(decision.Outputs)
	if err != nil {
		return result, fmt.Errorf("workspace: the outputs of %s: %w", decision.Path, err)
	}
	switch {
	case decision.Error != "" && result.Error == "":
		result.Recorded = "no decision: " + decision.Error
	case decision.Error == "" && (strings.Join(result.Decided, ", ") != decision.Row || !outputs.Equal(result.Outputs.Value)):
		result.Recorded = "row " + decision.Row + " decided: " + outputs.String()
	}
	return result, nil
}

// recorded reads a value as the store keeps it; nothing is missing.
func recorded(raw []byte) (rules.Value, error) {
	var v rules.Value
	if len(raw) == 0 {
		return v, nil
	}
	return v, v.UnmarshalJSON(raw)
}
