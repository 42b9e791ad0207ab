package worker

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/store"
)

// The key that grants are encrypted with comes from the environment, from a file that the environment names, or, where
// the store is in the data directory, from a file there that is made when it is first needed.
const (
	GrantsKeyVariable     = "CROSSWALK_GRANTS_KEY"
	GrantsKeyFileVariable = "CROSSWALK_GRANTS_KEY_FILE"
	grantsKeyFile         = "grants.key"
)

// lockTime is how long the right to renew a grant holds without a word of the process that has it: one that is killed
// keeps the others waiting for so long. A process that lives gives word every lockBeat, however long the system takes.
// Whoever waits measures that himself, and only while he could have seen a word: between two looks at the store there is
// no more than lockGap, or he begins again. A store that nobody reaches for a while gives nobody's right away.
const (
	lockTime = 10 * time.Second
	lockBeat = 2 * time.Second
	lockGap  = lockTime / 2
)

// shortestKey is how many characters a key must have.
const shortestKey = 20

// GrantsKey reads the key. data is the data directory if the store is there, else empty.
func GrantsKey(data string) (contracts.Secret, error) {
	if text := os.Getenv(GrantsKeyVariable); text != "" {
		return checkedKey(text, "$"+GrantsKeyVariable)
	}
	if path := os.Getenv(GrantsKeyFileVariable); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return contracts.Secret{}, fmt.Errorf("worker: the key of the grants: %w", err)
		}
		return checkedKey(string(text), path)
	}
	if data == "" {
		return contracts.Secret{}, fmt.Errorf("worker: there is no key to encrypt log-ins with: set %s, or %s to the path of a file, to the same long random text for all processes, as openssl rand -base64 32 prints it", GrantsKeyVariable, GrantsKeyFileVariable)
	}
	path := filepath.Join(data, grantsKeyFile)
	if err := makeKey(path); err != nil {
		return contracts.Secret{}, fmt.Errorf("worker: the key of the grants: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return contracts.Secret{}, fmt.Errorf("worker: the key of the grants: %w", err)
	}
	return checkedKey(string(text), path)
}

// makeKey makes the file of a key unless there is one. It appears whole: another process never reads half of it.
func makeKey(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), grantsKeyFile+".*") // readable by its owner alone
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(rand.Text() + rand.Text() + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err = os.Link(file.Name(), path); errors.Is(err, os.ErrExist) {
		return nil // another process was first, and its key is everybody's
	}
	return err
}

func checkedKey(text, place string) (contracts.Secret, error) {
	text = strings.TrimSpace(text)
	if len(text) < shortestKey {
		return contracts.Secret{}, fmt.Errorf("worker: the key of the grants in %s is shorter than %d characters: take what openssl rand -base64 32 prints", place, shortestKey)
	}
	return contracts.NewSecret(text), nil
}

// grants keeps grants in the store, encrypted.
type grants struct {
	store *store.Store
	data  string
	now   func() time.Time // for the time between two looks only

	mu      sync.Mutex
	watched map[string]watch // by lease, of those that another has
}

// watch is what a process saw of a lease that another has.
type watch struct {
	lease store.Lease
	since time.Time // it is the same since then
	last  time.Time // the latest look
}

// NewGrants keeps the grants of systems in the store. data is the data directory if the store is there, else empty.
func NewGrants(s *store.Store, data string) adapters.Grants {
	return &grants{store: s, data: data, now: time.Now, watched: map[string]watch{}}
}

// box encrypts with the key. The key is read when it is needed: a workspace without log-ins needs none.
func (g *grants) box() (cipher.AEAD, error) {
	key, err := GrantsKey(g.data)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte("crosswalk grants " + key.Reveal()))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Grant reads and decrypts a grant.
func (g *grants) Grant(ctx context.Context, connection string) (adapters.KeptGrant, error) {
	sealed, err := g.store.Grant(ctx, connection)
	if errors.Is(err, store.ErrNotFound) {
		return adapters.KeptGrant{}, adapters.ErrNoGrant
	}
	if err != nil {
		return adapters.KeptGrant{}, err
	}
	kept := adapters.KeptGrant{Version: sealed.Version, Begun: sealed.Begun, Problem: sealed.Problem}
	if len(sealed.Sealed) == 0 {
		return kept, nil
	}
	box, err := g.box()
	if err != nil {
		return kept, err
	}
	text, err := box.Open(nil, nil, sealed.Sealed, []byte(connection))
	if err != nil {
		return kept, fmt.Errorf("worker: the log-in of %s was encrypted with another key: set %s or %s as it was, or log in again", connection, GrantsKeyVariable, GrantsKeyFileVariable)
	}
	return kept, json.Unmarshal(text, &kept.Grant)
}

// Keep encrypts and stores a grant.
func (g *grants) Keep(ctx context.Context, connection string, version int64, grant adapters.Grant) error {
	box, err := g.box()
	if err != nil {
		return err
	}
	text, err := json.Marshal(grant)
	if err != nil {
		return err
	}
	return g.change(ctx, connection, version, func(sealed *store.SealedGrant) {
		sealed.Previous, sealed.Sealed, sealed.Begun, sealed.Problem = sealed.Sealed, box.Seal(nil, nil, text, []byte(connection)), time.Time{}, ""
	})
}

// Begin notes that a renewal is sent.
func (g *grants) Begin(ctx context.Context, connection string, version int64) error {
	if _, err := g.box(); err != nil { // what will come could not be kept
		return err
	}
	return g.change(ctx, connection, version, func(sealed *store.SealedGrant) { sealed.Begun = time.Now() })
}

// Spoil notes that a grant is of no use any more.
func (g *grants) Spoil(ctx context.Context, connection string, version int64, problem string) error {
	return g.change(ctx, connection, version, func(sealed *store.SealedGrant) { sealed.Problem = problem })
}

func (g *grants) change(ctx context.Context, connection string, version int64, change func(*store.SealedGrant)) error {
	err := g.store.ChangeGrant(ctx, connection, version, change)
	if errors.Is(err, store.ErrGrantChanged) {
		return adapters.ErrGrantChanged
	}
	return err
}

// Lock takes the lease on the renewal of a grant, and prolongs it until it is released. That of a process which gives no
// word any more is taken over by who has asked for it again and again for lockTime.
func (g *grants) Lock(ctx context.Context, connection string) (adapters.GrantLock, error) {
	name := "grant " + connection
	lease, err := g.store.TakeLease(ctx, name, rand.Text(), lockTime, g.abandoned(name))
	g.saw(name, lease, err)
	if errors.Is(err, store.ErrLeaseHeld) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	lock := &grantLock{store: g.store, lease: lease, stop: stop, done: make(chan struct{})}
	go lock.beat(beating)
	return lock, nil
}

// abandoned is the lease that was seen for so long without a word of its holder that it may be taken over, else nothing.
func (g *grants) abandoned(name string) store.Lease {
	g.mu.Lock()
	defer g.mu.Unlock()
	if seen := g.watched[name]; seen.last.Sub(seen.since) >= lockTime {
		return seen.lease
	}
	return store.Lease{}
}

// saw notes how a look at a lease ended.
func (g *grants) saw(name string, lease store.Lease, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !errors.Is(err, store.ErrLeaseHeld) {
		delete(g.watched, name) // it is ours, or nobody knows whether its holder gives word
		return
	}
	now, seen := g.now(), g.watched[name]
	if !seen.lease.Same(lease) || now.Sub(seen.last) > lockGap {
		seen = watch{lease: lease, since: now}
	}
	seen.last = now
	g.watched[name] = seen
}

// grantLock is a lease that is prolonged while its process lives.
type grantLock struct {
	store *store.Store
	lease store.Lease
	stop  context.CancelFunc
	done  chan struct{} // closed when it is prolonged no more
}

func (l *grantLock) beat(ctx context.Context) {
	defer close(l.done)
	ticker := time.NewTicker(lockBeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		limited, cancel := context.WithTimeout(ctx, lockGap) // one that hangs must not keep the next from being heard
		err := l.store.ProlongLease(limited, l.lease, lockTime)
		cancel()
		if errors.Is(err, store.ErrLeaseHeld) {
			return // another has it
		} // what failed otherwise is tried again with the next beat
	}
}

// Held is nil as long as the lease is ours. It is prolonged: whoever was held up has the whole time before him again.
func (l *grantLock) Held(ctx context.Context) error {
	return l.store.ProlongLease(ctx, l.lease, lockTime)
}

// Release gives the lease back.
func (l *grantLock) Release() {
	l.stop()
	<-l.done
	limited, cancel := context.WithTimeout(context.Background(), lockTime)
	defer cancel()
	_ = l.store.ReleaseLease(limited, l.lease) // it runs out by itself
}
