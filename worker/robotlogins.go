package worker

import (
	"context"
	"errors"
	"time"

	"crosswalk/store"
)

// robotLogins keep the logins of robots where the log-ins of systems are: in the store, encrypted with the same key.
// Without that key there are none, and each process logs in for itself.
type robotLogins struct{ grants *grants }

func loginName(account string) string { return "robot " + account }

// Login decrypts what was kept of an account. Of two processes with different keys each has its own.
func (l robotLogins) Login(ctx context.Context, account string) ([]byte, error) {
	sealed, err := l.grants.store.Grant(ctx, loginName(account))
	if errors.Is(err, store.ErrNotFound) || err == nil && len(sealed.Sealed) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	box, err := l.grants.box()
	if err != nil {
		return nil, err
	}
	return box.Open(nil, nil, sealed.Sealed, []byte(loginName(account)))
}

// KeepLogin encrypts and stores a login. Of two that come at the same time one stays; either is as good.
func (l robotLogins) KeepLogin(ctx context.Context, account string, login []byte) error {
	coded := []byte{}
	if login != nil {
		box, err := l.grants.box()
		if err != nil {
			return err
		}
		coded = box.Seal(nil, nil, login, []byte(loginName(account)))
	}
	known, err := l.grants.store.Grant(ctx, loginName(account))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	err = l.grants.store.ChangeGrant(ctx, loginName(account), known.Version, func(sealed *store.SealedGrant) {
		sealed.Sealed, sealed.Previous, sealed.Begun = coded, []byte{}, time.Time{}
	})
	if errors.Is(err, store.ErrGrantChanged) {
		return nil
	}
	return err
}
