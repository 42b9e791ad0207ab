package robots

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/go-rod/rod/lib/proto"
)

// Logins keeps the logins of accounts for all processes and beyond their end. What it is given opens the application
// to whoever has it: it must be kept encrypted.
type Logins interface {
	// Login returns what was kept of an account, or nil.
	Login(ctx context.Context, account string) ([]byte, error)
	// KeepLogin replaces it; nil forgets it.
	KeepLogin(ctx context.Context, account string, login []byte) error
}

// KeepLogins makes logins outlive the process. It is called before the first run.
func (r *Runner) KeepLogins(logins Logins) { r.sessions.stored = logins }

// sessions keeps the login of each credential: in memory, and where other processes find them.
type sessions struct {
	stored Logins // nil: nowhere
	mutex  sync.Mutex
	kept   map[string]loginState
}

type loginState struct {
	cookies []*proto.NetworkCookieParam
	storage []originStorage
	since   time.Time
}

// storedLogin is how a login is stored.
type storedLogin struct {
	Cookies []*proto.NetworkCookieParam `json:"cookies"`
	Storage []originStorage             `json:"storage,omitempty"`
	Since   time.Time                   `json:"since"`
}

func (s loginState) encode() []byte {
	text, err := json.Marshal(storedLogin{s.cookies, s.storage, s.since.UTC().Round(0)})
	if err != nil {
		return nil // they are texts and numbers
	}
	return text
}

// get returns a login that is not too old; failing to look a stored one up is no error, as the run can log in.
func (s *sessions) get(ctx context.Context, credential string, maxAge time.Duration) (loginState, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	state, ok := s.kept[credential]
	if !ok && s.stored != nil {
		if text, err := s.stored.Login(ctx, credential); err == nil && len(text) > 0 {
			var found storedLogin
			ok = json.Unmarshal(text, &found) == nil
			state = loginState{cookies: found.Cookies, storage: found.Storage, since: found.Since}
		}
	}
	if ok && time.Since(state.since) > maxAge {
		delete(s.kept, credential)
		return loginState{}, false
	}
	if ok {
		s.kept[credential] = state
	}
	return state, ok
}

// put keeps a login; its age counts from the login, not from the last use. The error is that of storing them.
func (s *sessions) put(ctx context.Context, credential string, state loginState, fresh bool) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	before, known := s.kept[credential]
	state.since = before.since
	if fresh || !known {
		state.since = time.Now()
	}
	s.kept[credential] = state
	if s.stored == nil || known && bytes.Equal(before.encode(), state.encode()) {
		return nil
	}
	return s.stored.KeepLogin(ctx, credential, state.encode())
}

// forget drops a login that counts no more. One that another process has stored since stays: it is tried next.
func (s *sessions) forget(ctx context.Context, credential string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	state, known := s.kept[credential]
	delete(s.kept, credential)
	if s.stored == nil || !known {
		return
	}
	if text, err := s.stored.Login(ctx, credential); err == nil && bytes.Equal(text, state.encode()) {
		_ = s.stored.KeepLogin(ctx, credential, nil) // else it is found to be dead again
	}
}
