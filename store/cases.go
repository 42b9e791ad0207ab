package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// CaseState is where a case stands.
type CaseState string

// The states of a case. The last three end it.
const (
	CaseOpen      CaseState = "open"
	CaseWaiting   CaseState = "waiting"
	CaseParked    CaseState = "parked"
	CaseDone      CaseState = "done"
	CaseCancelled CaseState = "cancelled"
	CaseFailed    CaseState = "failed"
)

// Case is one run of a use case.
type Case struct {
	ID           string          `json:"id"`
	UseCase      string          `json:"use_case"`
	BundleHash   string          `json:"bundle_hash"`
	Reference    string          `json:"reference"`
	Title        string          `json:"title"`
	Language     string          `json:"language"`
	State        CaseState       `json:"state"`
	Stage        string          `json:"stage"`
	WaitingFor   string          `json:"waiting_for,omitempty"`
	WaitingKind  string          `json:"waiting_kind,omitempty"` // person, system, time, …: the caller's word
	WaitingSince time.Time       `json:"waiting_since,omitzero"`
	StartedAt    time.Time       `json:"started_at"`
	EndedAt      time.Time       `json:"ended_at,omitzero"`
	Outcome      string          `json:"outcome,omitempty"`
	Result       json.RawMessage `json:"result,omitempty"`

	progress int64
	search   string
}

// Ended tells whether the case is over.
func (c *Case) Ended() bool { return !c.EndedAt.IsZero() }

const caseColumns = `id, use_case, bundle_hash, reference, title, language, state, stage, waiting_for, waiting_kind,
	waiting_since, started_at, ended_at, outcome, result, progress, search`

func (c *Case) fields() []any {
	return []any{&c.ID, &c.UseCase, &c.BundleHash, &c.Reference, &c.Title, &c.Language, &c.State, &c.Stage, &c.WaitingFor,
		&c.WaitingKind, stamp{&c.WaitingSince}, stamp{&c.StartedAt}, stamp{&c.EndedAt}, &c.Outcome, document{&c.Result},
		&c.progress, &c.search}
}

// NewCase is what a case begins with. ID and BundleHash may be empty: then the id is made from the use case, and
// the bundle is the one in force.
type NewCase struct {
	ID          string
	UseCase     string
	BundleHash  string
	Title       string
	Language    string
	ContactKeys []string
	ThreadKeys  []string
}

// CreateCase stores a case that did not come through the intake. The same id twice is one case.
func (s *Store) CreateCase(ctx context.Context, begin NewCase) (Case, error) {
	var made Case
	err := s.write(ctx, "create case", func(tx session) error {
		var err error
		if begin.ID != "" {
			if made, err = caseByID(ctx, tx, begin.ID); !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		made, err = s.createCase(ctx, tx, begin)
		return err
	})
	return made, err
}

// Case finds a case by its id.
func (s *Store) Case(ctx context.Context, id string) (Case, error) {
	found, err := caseByID(ctx, s.read(), id)
	return found, wrap("case "+id, err)
}

// CaseByReference finds a case by the short reference that the customer was given, in any letter case.
func (s *Store) CaseByReference(ctx context.Context, reference string) (Case, error) {
	found, err := one[Case](ctx, s.read(), "SELECT "+caseColumns+" FROM cases WHERE reference = ?", strings.ToUpper(strings.TrimSpace(reference)))
	return found, wrap("case "+reference, err)
}

// CaseFilter chooses cases; the zero value chooses all.
type CaseFilter struct {
	States   []CaseState
	UseCases []string
	Open     bool   // not ended
	Waiting  bool   // waiting for something, or parked
	Text     string // words of reference, title, contact
	Contact  string // a contact key, exactly
	Since    time.Time
	Until    time.Time
	Oldest   bool // oldest first instead of newest first
	Limit    int
	Offset   int
}

func (f CaseFilter) conditions() conditions {
	var c conditions
	if len(f.States) > 0 {
		set, args := in(f.States)
		c.add("state IN "+set, args...)
	}
	if len(f.UseCases) > 0 {
		set, args := in(f.UseCases)
		c.add("use_case IN "+set, args...)
	}
	if f.Open {
		c.add("ended_at = 0")
	}
	if f.Waiting {
		c.add("state IN (?, ?)", CaseWaiting, CaseParked)
	}
	if f.Contact != "" {
		c.add("id IN (SELECT case_id FROM contact_keys WHERE contact_key = ?)", f.Contact)
	}
	if !f.Since.IsZero() {
		c.add("started_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		c.add("started_at < ?", f.Until)
	}
	for word := range searchWords(f.Text) {
		c.add("search LIKE ? ESCAPE '\\'", word)
	}
	return c
}

// Cases lists cases, newest first.
func (s *Store) Cases(ctx context.Context, filter CaseFilter) ([]Case, error) {
	order := " ORDER BY started_at DESC, id DESC"
	if filter.Oldest {
		order = " ORDER BY started_at, id"
	}
	c := filter.conditions()
	found, err := many[Case](ctx, s.read(), "SELECT "+caseColumns+" FROM cases"+c.where()+order+page(filter.Limit, filter.Offset), c.args...)
	return found, wrap("cases", err)
}

// CountCases counts what Cases would list without its limit.
func (s *Store) CountCases(ctx context.Context, filter CaseFilter) (int, error) {
	var n int
	c := filter.conditions()
	err := s.read().scalar(ctx, "SELECT COUNT(*) FROM cases"+c.where(), c.args, &n)
	return n, wrap("count cases", err)
}

// OpenCasesByContact lists the open cases that have one of the contact keys, newest first.
func (s *Store) OpenCasesByContact(ctx context.Context, keys []string) ([]Case, error) {
	found, err := openCasesBy(ctx, s.read(), "contact", keys)
	return found, wrap("open cases", err)
}

// AddContactKeys names further addresses and handles under which the case's customer is known; a message from one
// of them can then join the case.
func (s *Store) AddContactKeys(ctx context.Context, caseID string, keys []string) error {
	return s.write(ctx, "contact keys of "+caseID, func(tx session) error {
		return addKeys(ctx, tx, caseID, keys, nil)
	})
}

// AddThreadKeys names messages of ours (their Message-ID) so that a reply to them joins the case.
func (s *Store) AddThreadKeys(ctx context.Context, caseID string, keys []string) error {
	return s.write(ctx, "thread keys of "+caseID, func(tx session) error {
		return addKeys(ctx, tx, caseID, nil, keys)
	})
}

// ContactKeys lists the contact keys of a case.
func (s *Store) ContactKeys(ctx context.Context, caseID string) ([]string, error) {
	found, err := many[textRow](ctx, s.read(), "SELECT contact_key FROM contact_keys WHERE case_id = ? ORDER BY contact_key", caseID)
	return texts(found), wrap("contact keys", err)
}

// Progress is how a case reports where it stands. Seq grows within the case: what arrives late changes nothing.
type Progress struct {
	Seq          int64
	State        CaseState // open, waiting or parked
	Stage        string
	Title        string // empty leaves it
	WaitingFor   string
	WaitingKind  string
	WaitingSince time.Time
	Keywords     string // further words to find the case by, such as the customer's name; empty adds none
}

// SetProgress updates stage and waiting of an open case. After the end of the case, or after a newer report, it
// changes nothing and is no error.
func (s *Store) SetProgress(ctx context.Context, caseID string, progress Progress) error {
	return s.write(ctx, "progress of "+caseID, func(tx session) error {
		return setProgress(ctx, tx, caseID, progress)
	})
}

// End is how a case ends.
type End struct {
	State   CaseState // done, cancelled or failed
	Outcome string
	Stage   string
	Result  json.RawMessage
	At      time.Time
}

// EndCase ends a case, once: later calls change nothing. Tasks that are still open are cancelled, and the stored
// reads, which only an unfinished case can ask for, are dropped.
func (s *Store) EndCase(ctx context.Context, caseID string, end End) error {
	return s.write(ctx, "end "+caseID, func(tx session) error { return s.endCase(ctx, tx, caseID, end) })
}

// SetBundle pins the bundle of a case that was stored before its use case was in force. A case that has one keeps it.
func (s *Store) SetBundle(ctx context.Context, caseID, hash string) (Case, error) {
	var found Case
	err := s.write(ctx, "bundle of "+caseID, func(tx session) error {
		if _, err := tx.exec(ctx, "UPDATE cases SET bundle_hash = ? WHERE id = ? AND bundle_hash = ''", hash, caseID); err != nil {
			return err
		}
		var err error
		found, err = caseByID(ctx, tx, caseID)
		return err
	})
	return found, err
}

func (s *Store) createCase(ctx context.Context, tx session, begin NewCase) (Case, error) {
	made := Case{ID: begin.ID, UseCase: begin.UseCase, BundleHash: begin.BundleHash, Title: begin.Title,
		Language: begin.Language, State: CaseOpen, StartedAt: s.now().UTC().Truncate(time.Microsecond)}
	if made.ID == "" {
		made.ID = begin.UseCase + "-" + s.NewID()
	}
	if made.BundleHash == "" {
		hash, err := inForce(ctx, tx, KindBundle, begin.UseCase)
		if err != nil {
			return Case{}, err
		}
		made.BundleHash = hash
	}
	for range 8 {
		made.Reference = newReference()
		made.search = fold(made.Reference, made.Title)
		inserted, err := tx.insert(ctx, "cases", caseColumns, made.fields(), "ON CONFLICT (reference) DO NOTHING")
		if err != nil {
			return Case{}, err
		}
		if inserted {
			return made, addKeys(ctx, tx, made.ID, begin.ContactKeys, begin.ThreadKeys)
		}
	}
	return Case{}, errors.New("no unused reference found")
}

// newReference is "CW-" and 8 characters of Crockford's base 32, which has no letter that is taken for a digit.
func newReference() string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	for i, b := range random {
		random[i] = alphabet[b%32]
	}
	return "CW-" + string(random)
}

func caseByID(ctx context.Context, q session, id string) (Case, error) {
	return one[Case](ctx, q, "SELECT "+caseColumns+" FROM cases WHERE id = ?", id)
}

// openCasesBy finds open cases by "contact" or "thread" keys, newest first.
func openCasesBy(ctx context.Context, q session, kind string, keys []string) ([]Case, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	set, args := in(keys)
	return many[Case](ctx, q, "SELECT "+caseColumns+" FROM cases WHERE ended_at = 0 AND id IN (SELECT case_id FROM "+kind+
		"_keys WHERE "+kind+"_key IN "+set+") ORDER BY started_at DESC, id DESC", args...)
}

func addKeys(ctx context.Context, tx session, caseID string, contacts, threads []string) error {
	for kind, keys := range map[string][]string{"contact": contacts, "thread": threads} {
		for _, key := range keys {
			if key == "" {
				continue
			}
			if _, err := tx.insert(ctx, kind+"_keys", kind+"_key, case_id", []any{key, caseID}, "ON CONFLICT DO NOTHING"); err != nil {
				return err
			}
		}
	}
	return addSearch(ctx, tx, caseID, strings.Join(contacts, " "))
}

// addSearch adds words by which the case is found, each once.
func addSearch(ctx context.Context, tx session, caseID, more string) error {
	if more = fold(more); more == "" {
		return nil
	}
	var have string
	if err := tx.scalar(ctx, "SELECT search FROM cases WHERE id = ?", []any{caseID}, &have); err != nil {
		return err
	}
	merged := mergeWords(have, more)
	if merged == have {
		return nil
	}
	_, err := tx.exec(ctx, "UPDATE cases SET search = ? WHERE id = ?", merged, caseID)
	return err
}

func mergeWords(have, more string) string {
	seen := map[string]bool{}
	all := strings.Fields(have)
	for _, word := range all {
		seen[word] = true
	}
	for word := range strings.FieldsSeq(more) {
		if !seen[word] {
			seen[word] = true
			all = append(all, word)
		}
	}
	return strings.Join(all, " ")
}

func setProgress(ctx context.Context, tx session, caseID string, p Progress) error {
	n, err := tx.exec(ctx, `UPDATE cases SET state = ?, stage = ?, waiting_for = ?, waiting_kind = ?, waiting_since = ?, progress = ?,
		title = CASE WHEN ? = '' THEN title ELSE ? END WHERE id = ? AND ended_at = 0 AND progress <= ?`,
		p.State, p.Stage, p.WaitingFor, p.WaitingKind, p.WaitingSince, p.Seq, p.Title, p.Title, caseID, p.Seq)
	if err != nil || n == 0 {
		return err
	}
	return addSearch(ctx, tx, caseID, p.Title+" "+p.Keywords)
}

func (s *Store) endCase(ctx context.Context, tx session, caseID string, end End) error {
	if end.At.IsZero() {
		end.At = s.now()
	}
	n, err := tx.exec(ctx, `UPDATE cases SET state = ?, outcome = ?, result = ?, ended_at = ?,
		stage = CASE WHEN ? = '' THEN stage ELSE ? END, waiting_for = '', waiting_kind = '', waiting_since = 0
		WHERE id = ? AND ended_at = 0`, end.State, end.Outcome, end.Result, end.At, end.Stage, end.Stage, caseID)
	if err != nil || n == 0 {
		return err
	}
	if err := cancelTasks(ctx, tx, caseID); err != nil {
		return err
	}
	_, err = tx.exec(ctx, "DELETE FROM read_results WHERE case_id = ?", caseID)
	return err
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store: %s: %w", what, err)
}

// textRow is a row of one text.
type textRow string

func (t *textRow) fields() []any { return []any{(*string)(t)} }

func texts(rows []textRow) []string {
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = string(row)
	}
	return list
}
