package adapters

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Grant is what a system gave us so that we may use it for a while.
type Grant struct {
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token,omitempty"`
	Obtained     time.Time `json:"obtained"`
	Expires      time.Time `json:"expires,omitzero"` // zero: nobody said
	Base         string    `json:"base,omitempty"`   // the origin that the system named for requests
	// From is the origin that gave it, and For the one of the connection's own address: it goes nowhere else. Both are empty
	// in what an earlier release kept, and then it is of the addresses in the adapter's file.
	From string `json:"from,omitempty"`
	For  string `json:"for,omitempty"`

	anywhere bool // for trying an adapter out
}

// fresh says whether the grant will do for a request now. It is renewed early: five minutes, or half its time.
func (g Grant) fresh(now time.Time) bool {
	if g.AccessToken == "" || g.Expires.IsZero() {
		return g.AccessToken != ""
	}
	return now.Before(g.Expires.Add(-min(5*time.Minute, g.Expires.Sub(g.Obtained)/2)))
}

// valid says whether the grant has not run out.
func (g Grant) valid(now time.Time) bool {
	return g.AccessToken != "" && (g.Expires.IsZero() || now.Before(g.Expires))
}

// KeptGrant is a grant as it is kept, with what happened to it.
type KeptGrant struct {
	Grant
	Version int64     // grows with every change
	Begun   time.Time // a renewal was sent then, and no answer to it is kept yet; zero: none
	Problem string    // why the grant is of no use any more; empty: it is
}

// ErrNoGrant says that nobody has logged in yet.
var ErrNoGrant = errors.New("there is no grant")

// ErrGrantChanged says that the grant is another one meanwhile.
var ErrGrantChanged = errors.New("the grant has been changed by another")

// Grants keeps grants where all processes find them and where a crash does not lose them.
type Grants interface {
	// Grant returns what is kept for a connection, or ErrNoGrant.
	Grant(ctx context.Context, connection string) (KeptGrant, error)
	// Keep replaces the grant of that version (0: there is none), and keeps the one before beside it.
	Keep(ctx context.Context, connection string, version int64, grant Grant) error
	// Begin notes that a renewal is sent.
	Begin(ctx context.Context, connection string, version int64) error
	// Spoil notes that the grant is of no use any more.
	Spoil(ctx context.Context, connection string, version int64, problem string) error
	// Lock takes the right to renew the grant, alone among all processes. It does not wait: nil means that another has it.
	Lock(ctx context.Context, connection string) (GrantLock, error)
}

// GrantLock is the right to renew a grant. Whoever has it keeps it for as long as his process runs; that of a process that
// was killed goes over to the next.
type GrantLock interface {
	// Held is nil as long as nobody else has taken the right over; it is asked right before the renewal is sent.
	Held(ctx context.Context) error
	// Release gives the right back.
	Release()
}

// NewMemoryGrants keeps grants for as long as the process lives.
func NewMemoryGrants() Grants {
	return &memoryGrants{kept: map[string]KeptGrant{}, locked: map[string]bool{}}
}

type memoryGrants struct {
	mu     sync.Mutex
	kept   map[string]KeptGrant
	locked map[string]bool
}

func (m *memoryGrants) Grant(_ context.Context, connection string) (KeptGrant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, ok := m.kept[connection]
	if !ok {
		return kept, ErrNoGrant
	}
	return kept, nil
}

func (m *memoryGrants) Keep(_ context.Context, connection string, version int64, grant Grant) error {
	return m.change(connection, version, func(KeptGrant) KeptGrant { return KeptGrant{Grant: grant} })
}

func (m *memoryGrants) Begin(_ context.Context, connection string, version int64) error {
	return m.change(connection, version, func(k KeptGrant) KeptGrant { k.Begun = time.Now(); return k })
}

func (m *memoryGrants) Spoil(_ context.Context, connection string, version int64, problem string) error {
	return m.change(connection, version, func(k KeptGrant) KeptGrant { k.Problem = problem; return k })
}

func (m *memoryGrants) change(connection string, version int64, change func(KeptGrant) KeptGrant) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.kept[connection]
	if old.Version != version {
		return ErrGrantChanged
	}
	next := change(old)
	next.Version = version + 1
	m.kept[connection] = next
	return nil
}

func (m *memoryGrants) Lock(_ context.Context, connection string) (GrantLock, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked[connection] {
		return nil, nil
	}
	m.locked[connection] = true
	return memoryLock{m, connection}, nil
}

type memoryLock struct {
	of         *memoryGrants
	connection string
}

func (memoryLock) Held(context.Context) error { return nil }

func (l memoryLock) Release() {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	delete(l.of.locked, l.connection)
}

// GivenGrant returns grants that always hold one token, for trying an adapter out without anybody who gives tokens.
func GivenGrant(token string) Grants { return given{NewMemoryGrants(), token} }

type given struct {
	Grants
	token string
}

func (g given) Grant(context.Context, string) (KeptGrant, error) {
	return KeptGrant{Grant: Grant{AccessToken: g.token, anywhere: true}, Version: 1}, nil
}
