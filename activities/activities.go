package activities

import (
	"context"
	"log/slog"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/telemetry"
)

// Activities is what the activities need. It is filled once, where the worker is built.
type Activities struct {
	Store     *store.Store
	Reach     func() *Reach
	Contracts Contracts
	UseCases  UseCases
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry // nil: nothing is counted
	// Now is the clock; nil is the real one.
	Now func() time.Time

	reads reads
}

// Contracts finds the contract that a case was started with.
type Contracts interface {
	Contract(bundle, system string) (*contracts.Contract, error)
}

// UseCases knows what use cases take.
type UseCases interface {
	// Input is the type of what the use case of a bundle takes.
	Input(ctx context.Context, bundle string) (*rules.Type, error)
}

// Forget drops what is only in memory, as the end of the process does. Nothing may depend on it.
func (a *Activities) Forget() { a.reads.clear() }

func (a *Activities) now() time.Time {
	if a.Now != nil {
		return a.Now().UTC()
	}
	return time.Now().UTC()
}
