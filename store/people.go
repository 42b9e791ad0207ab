package store

import (
	"context"
	"errors"
	"time"
)

// Login is one signed-in browser or program. The token itself is never stored, only its hash.
type Login struct {
	TokenHash  string        `json:"-"`
	User       string        `json:"user"`
	CreatedAt  time.Time     `json:"created_at"`
	LastUsedAt time.Time     `json:"last_used_at"`
	Idle       time.Duration `json:"-"` // unused for this long, it ends
	ExpiresAt  time.Time     `json:"expires_at"`
	Client     string        `json:"client,omitempty"`
}

const loginColumns = "token_hash, user_name, created_at, last_used_at, idle_micros, expires_at, client"

func (l *Login) fields() []any {
	return []any{&l.TokenHash, &l.User, stamp{&l.CreatedAt}, stamp{&l.LastUsedAt}, period{&l.Idle}, stamp{&l.ExpiresAt}, &l.Client}
}

// loginTouch is how exact LastUsedAt is: a write for each page that somebody looks at would be too many.
const loginTouch = time.Minute

// CreateLogin stores a login that ends after idle without use, and in any case after longest.
func (s *Store) CreateLogin(ctx context.Context, tokenHash, user, client string, idle, longest time.Duration) (Login, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	login := Login{TokenHash: tokenHash, User: user, CreatedAt: now, LastUsedAt: now, Idle: idle, ExpiresAt: now.Add(longest), Client: client}
	err := s.write(ctx, "create login", func(tx session) error {
		_, err := tx.insert(ctx, "logins", loginColumns, login.fields(), "")
		return err
	})
	return login, err
}

// UseLogin finds a login that is still good and notes that it is used; ErrNotFound otherwise.
func (s *Store) UseLogin(ctx context.Context, tokenHash string) (Login, error) {
	login, err := one[Login](ctx, s.read(), "SELECT "+loginColumns+" FROM logins WHERE token_hash = ?", tokenHash)
	if err != nil {
		return Login{}, wrap("login", err)
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	if !login.ExpiresAt.After(now) || !login.LastUsedAt.Add(login.Idle).After(now) {
		return Login{}, wrap("login", ErrNotFound)
	}
	if now.Sub(login.LastUsedAt) < min(loginTouch, login.Idle/4) {
		return login, nil
	}
	login.LastUsedAt = now
	err = s.write(ctx, "use login", func(tx session) error {
		n, err := tx.exec(ctx, "UPDATE logins SET last_used_at = ? WHERE token_hash = ?", now, tokenHash)
		if err == nil && n == 0 {
			return ErrNotFound // revoked meanwhile
		}
		return err
	})
	return login, err
}

// LoginsOf lists a user's logins, the last used first.
func (s *Store) LoginsOf(ctx context.Context, user string) ([]Login, error) {
	found, err := many[Login](ctx, s.read(), "SELECT "+loginColumns+" FROM logins WHERE user_name = ? ORDER BY last_used_at DESC, token_hash", user)
	return found, wrap("logins of "+user, err)
}

// RevokeLogin ends one login.
func (s *Store) RevokeLogin(ctx context.Context, tokenHash string) error {
	return s.deleteFrom(ctx, "revoke login", "logins WHERE token_hash = ?", tokenHash)
}

// RevokeUser ends all logins of a user: after a change of password or rights.
func (s *Store) RevokeUser(ctx context.Context, user string) error {
	return s.deleteFrom(ctx, "revoke "+user, "logins WHERE user_name = ?", user)
}

// PruneLogins drops logins that have ended.
func (s *Store) PruneLogins(ctx context.Context) error {
	now := s.now()
	return s.deleteFrom(ctx, "prune logins", "logins WHERE expires_at <= ? OR last_used_at + idle_micros <= ?", now, now)
}

// SetCredential stores the password hash of a user, which goes before the one of the workspace. The user's logins end.
func (s *Store) SetCredential(ctx context.Context, user, passwordHash string) error {
	return s.write(ctx, "credential of "+user, func(tx session) error {
		_, err := tx.insert(ctx, "credentials", "user_name, password_hash, changed_at", []any{user, passwordHash, s.now()},
			"ON CONFLICT (user_name) DO UPDATE SET password_hash = excluded.password_hash, changed_at = excluded.changed_at")
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, "DELETE FROM logins WHERE user_name = ?", user)
		return err
	})
}

// Credential finds the password hash of a user; ErrNotFound if only the workspace has one.
func (s *Store) Credential(ctx context.Context, user string) (passwordHash string, err error) {
	err = s.read().scalar(ctx, "SELECT password_hash FROM credentials WHERE user_name = ?", []any{user}, &passwordHash)
	return passwordHash, wrap("credential of "+user, err)
}

// CountAttempt counts something that must not happen too often (a failed login, a form sent, a mail to one address)
// and returns how often it has happened within the window. A window begins with its first attempt.
func (s *Store) CountAttempt(ctx context.Context, key string, window time.Duration) (count int, err error) {
	now := s.now()
	err = s.write(ctx, "count attempt", func(tx session) error {
		_, err := tx.exec(ctx, `INSERT INTO attempts (attempt_key, count, since) VALUES (?, 1, ?) ON CONFLICT (attempt_key) DO UPDATE SET
			count = CASE WHEN attempts.since <= ? THEN 1 ELSE attempts.count + 1 END,
			since = CASE WHEN attempts.since <= ? THEN excluded.since ELSE attempts.since END`, key, now, now.Add(-window), now.Add(-window))
		if err != nil {
			return err
		}
		return tx.scalar(ctx, "SELECT count FROM attempts WHERE attempt_key = ?", []any{key}, &count)
	})
	return count, err
}

// Attempts tells how often something has been counted within the window, without counting.
func (s *Store) Attempts(ctx context.Context, key string, window time.Duration) (count int, err error) {
	err = s.read().scalar(ctx, "SELECT count FROM attempts WHERE attempt_key = ? AND since > ?", []any{key, s.now().Add(-window)}, &count)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return count, wrap("attempts", err)
}

// ClearAttempts begins the count anew: after a login that succeeded.
func (s *Store) ClearAttempts(ctx context.Context, key string) error {
	return s.deleteFrom(ctx, "clear attempts", "attempts WHERE attempt_key = ?", key)
}

// PruneAttempts drops counts whose window has passed.
func (s *Store) PruneAttempts(ctx context.Context, window time.Duration) error {
	return s.deleteFrom(ctx, "prune attempts", "attempts WHERE since <= ?", s.now().Add(-window))
}

func (s *Store) deleteFrom(ctx context.Context, what, rest string, args ...any) error {
	return s.write(ctx, what, func(tx session) error {
		_, err := tx.exec(ctx, "DELETE FROM "+rest, args...)
		return err
	})
}
