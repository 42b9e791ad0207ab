package desk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"crosswalk/store"
)

// How long a login lasts, and how many wrong passwords are too many.
const (
	loginIdle      = 30 * time.Minute
	loginLongest   = 12 * time.Hour
	attemptWindow  = 15 * time.Minute
	attemptsUser   = 10
	attemptsHost   = 100
	passwordChecks = 4
)

func (d *Desk) cookieName() string {
	if d.Secure {
		return "__Host-crosswalk"
	}
	return "crosswalk" // browsers refuse __Host- without TLS, and the default listens on this machine only
}

func (d *Desk) loginPage(w http.ResponseWriter, r *http.Request, who person) error {
	if who.login != "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	return d.render(w, http.StatusOK, "login", page{Title: "Log in"})
}

func (d *Desk) login(w http.ResponseWriter, r *http.Request, who person) error {
	email, password := strings.ToLower(strings.TrimSpace(r.PostFormValue("email"))), r.PostFormValue("password")
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	blocked, err := d.tooMany(r.Context(), "login:"+email, "host:"+host)
	if err != nil {
		return err
	}
	if blocked {
		return d.render(w, http.StatusTooManyRequests, "login", page{Title: "Log in", Problem: "Too many tries. Wait a quarter of an hour."})
	}
	good, err := d.passwordIsRight(r.Context(), email, password)
	if err != nil {
		return err
	}
	if !good {
		return d.render(w, http.StatusUnauthorized, "login", page{Title: "Log in", Problem: "The address or the password is wrong."})
	}
	if err := d.Store.ClearAttempts(r.Context(), "login:"+email); err != nil {
		return err
	}
	if who.token != "" { // whoever logs in again leaves the old login
		if err := d.Store.RevokeLogin(r.Context(), who.token); err != nil {
			return err
		}
	}
	return d.openLogin(w, r, email)
}

// tooMany counts this try for the user and for the address that it comes from. It counts first, so that tries at the
// same moment cannot pass together.
func (d *Desk) tooMany(ctx context.Context, userKey, hostKey string) (bool, error) {
	ofUser, err := d.Store.CountAttempt(ctx, userKey, attemptWindow)
	if err != nil {
		return false, err
	}
	ofHost, err := d.Store.CountAttempt(ctx, hostKey, attemptWindow)
	return ofUser > attemptsUser || ofHost > attemptsHost, err
}

// passwordIsRight takes as long for a user that does not exist as for one that does.
func (d *Desk) passwordIsRight(ctx context.Context, email, password string) (bool, error) {
	select {
	case d.checks <- struct{}{}:
		defer func() { <-d.checks }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	user := d.people().User(email)
	if user == nil || email == "" {
		checkPassword(nobody, password)
		return false, nil
	}
	own, err := d.Store.Credential(ctx, email)
	if err == nil {
		return checkPassword(own, password), nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	if user.PasswordHash != "" {
		return checkPassword(user.PasswordHash, password), nil
	}
	checkPassword(nobody, password) // a password by reference costs as much to try as a hashed one
	plain, err := user.Password.Resolve()
	if err != nil || plain.Reveal() == "" {
		return false, nil
	}
	want, got := sha256.Sum256([]byte(plain.Reveal())), sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1, nil
}

// openLogin gives the browser a token that nobody has seen before, whatever it came with.
func (d *Desk) openLogin(w http.ResponseWriter, r *http.Request, email string) error {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	token := base64.RawURLEncoding.EncodeToString(random)
	agent := r.UserAgent()
	if len(agent) > 120 {
		agent = agent[:120]
	}
	if _, err := d.Store.CreateLogin(r.Context(), tokenHash(token), email, strings.ToValidUTF8(agent, ""), loginIdle, loginLongest); err != nil {
		return err
	}
	http.SetCookie(w, d.cookie(token, int(loginLongest.Seconds())))
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (d *Desk) cookie(token string, seconds int) *http.Cookie {
	return &http.Cookie{Name: d.cookieName(), Value: token, Path: "/", HttpOnly: true, Secure: d.Secure, SameSite: http.SameSiteLaxMode, MaxAge: seconds}
}

func (d *Desk) logout(w http.ResponseWriter, r *http.Request, who person) error {
	if err := d.Store.RevokeLogin(r.Context(), who.token); err != nil {
		return err
	}
	http.SetCookie(w, d.cookie("", -1))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}
