package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// CaseState is where a case stands.
type CaseState string

// The states of a case. The last four end it.
const (
	CaseOpen      CaseState = "open"
	CaseWaiting   CaseState = "waiting"
	CaseParked    CaseState = "parked"
	CaseDone      CaseState = "done"
	CaseCancelled CaseState = "cancelled"
	CaseFailed    CaseState = "failed"
	// CaseTerminated is a case that was ended by force in the engine: it could not say so itself.
	CaseTerminated CaseState = "terminated"
)

// Case is one run of a use case.
type Case struct {
	ID           string    `json:"id"`
	UseCase      string    `json:"use_case"`
	BundleHash   string    `json:"bundle_hash"`
	Reference    string    `json:"reference"`
	Title        string    `json:"title"`
	Language     string    `json:"language"`
	State        CaseState `json:"state"`
	Stage        string    `json:"stage"`
	WaitingFor   string    `json:"waiting_for,omitempty"`
	WaitingKind  string    `json:"waiting_kind,omitempty"` // person, system, time, …: the caller's word
	WaitingSince time.Time `json:"waiting_since,omitzero"`
	WaitingUntil time.Time `json:"waiting_until,omitzero"` // when it is over by itself, or late
	// What it waits for in more detail: the path of the step, the system that it is about, the class of the error.
	WaitingStep   string          `json:"waiting_step,omitempty"`
	WaitingSystem string          `json:"waiting_system,omitempty"`
	WaitingClass  string          `json:"waiting_class,omitempty"`
	StartedAt     time.Time       `json:"started_at"`
	EndedAt       time.Time       `json:"ended_at,omitzero"`
	Outcome       string          `json:"outcome,omitempty"`
	Result        json.RawMessage `json:"result,omitempty"`
	// Parent is the case that ran this one, and ParentStep the path of its step that did; empty: nobody.
	Parent     string `json:"parent,omitempty"`
	ParentStep string `json:"parent_step,omitempty"`

	progress int64
	search   string
}

// Ended tells whether the case is over.
func (c *Case) Ended() bool { return !c.EndedAt.IsZero() }

const caseColumns = `id, use_case, bundle_hash, reference, title, language, state, stage, waiting_for, waiting_kind,
	waiting_since, waiting_until, started_at, ended_at, outcome, result, progress, search, waiting_step, waiting_system, waiting_class, parent, parent_step`

// parkedWithin says that an item of a long loop waits for a person to repair it or to say whether a write was done: the case itself says only that it waits for
// its items, which are worked on in executions of their own.
const parkedWithin = `state = 'waiting' AND waiting_kind = 'items' AND EXISTS
	(SELECT 1 FROM tasks WHERE tasks.case_id = cases.id AND tasks.kind IN ('repair', 'confirm') AND tasks.state IN ('open', 'claimed'))`

// selectCases is what all reading of cases begins with.
var selectCases = "SELECT " + strings.Replace(caseColumns, " state,", " CASE WHEN "+parkedWithin+" THEN 'parked' ELSE state END,", 1) + " FROM cases"

func (c *Case) fields() []any {
	return []any{&c.ID, &c.UseCase, &c.BundleHash, &c.Reference, &c.Title, &c.Language, &c.State, &c.Stage, &c.WaitingFor,
		&c.WaitingKind, stamp{&c.WaitingSince}, stamp{&c.WaitingUntil}, stamp{&c.StartedAt}, stamp{&c.EndedAt}, &c.Outcome, document{&c.Result},
		&c.progress, &c.search, &c.WaitingStep, &c.WaitingSystem, &c.WaitingClass, &c.Parent, &c.ParentStep}
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
	Parent      string
	ParentStep  string
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
	found, err := one[Case](ctx, s.read(), selectCases+" WHERE reference = ?", strings.ToUpper(strings.TrimSpace(reference)))
	return found, wrap("case "+reference, err)
}

// CaseFilter chooses cases; the zero value chooses all.
type CaseFilter struct {
	ID         string // this one, if the rest fits too
	States     []CaseState
	UseCases   []string
	Bundle     string    // has exactly this
	NotBundle  string    // has another one than this
	Open       bool      // not ended
	Waiting    bool      // waiting for something, or parked
	WaitingFor string    // exactly this, such as the name of a system
	System     string    // the system that it waits for, or whose answer keeps it from going on
	Class      string    // the class of that error
	Step       string    // the step that it waits at
	WaitsSince time.Time // waiting since then or longer
	Text       string    // words of reference, title, contact
	Contact    string    // a contact key, exactly
	Parent     string    // run by this case
	Since      time.Time
	Until      time.Time
	Oldest     bool // oldest first instead of newest first
	// ByID lists in the order of the ids, beginning after After: a walk through cases while some of them end.
	ByID   bool
	After  string
	Limit  int
	Offset int
}

func (f CaseFilter) conditions() conditions {
	var c conditions
	if len(f.States) > 0 {
		set, args := in(f.States)
		switch waiting, parked := slices.Contains(f.States, CaseWaiting), slices.Contains(f.States, CaseParked); {
		case parked && !waiting:
			set += " OR " + parkedWithin
		case waiting && !parked:
			set += " AND NOT (" + parkedWithin + ")"
		}
		c.add("(state IN "+set+")", args...)
	}
	if len(f.UseCases) > 0 {
		set, args := in(f.UseCases)
		c.add("use_case IN "+set, args...)
	}
	if f.ID != "" {
		c.add("id = ?", f.ID)
	}
	if f.Bundle != "" {
		c.add("bundle_hash = ?", f.Bundle)
	}
	if f.NotBundle != "" {
		c.add("bundle_hash <> ?", f.NotBundle)
	}
	if f.Open {
		c.add("ended_at = 0")
	}
	if f.Waiting {
		c.add("state IN (?, ?)", CaseWaiting, CaseParked)
	}
	if f.WaitingFor != "" {
		c.add("waiting_for = ?", f.WaitingFor)
	}
	for column, value := range map[string]string{"waiting_system": f.System, "waiting_class": f.Class, "waiting_step": f.Step} {
		if value != "" {
			c.add(column+" = ?", value)
		}
	}
	if !f.WaitsSince.IsZero() {
		c.add("waiting_since > 0 AND waiting_since <= ?", f.WaitsSince)
	}
	if f.Contact != "" {
		c.add("id IN (SELECT case_id FROM contact_keys WHERE contact_key = ?)", f.Contact)
	}
	if f.Parent != "" {
		c.add("parent = ?", f.Parent)
	}
	if !f.Since.IsZero() {
		c.add("started_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		c.add("started_at < ?", f.Until)
	}
	if f.After != "" {
		c.add("id > ?", f.After)
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
	if filter.ByID {
		order = " ORDER BY id"
	}
	c := filter.conditions()
	found, err := many[Case](ctx, s.read(), selectCases+c.where()+order+page(filter.Limit, filter.Offset), c.args...)
	return found, wrap("cases", err)
}

// CountCases counts what Cases would list without its limit.
func (s *Store) CountCases(ctx context.Context, filter CaseFilter) (int, error) {
	var n int
	c := filter.conditions()
	err := s.read().scalar(ctx, "SELECT COUNT(*) FROM cases"+c.where(), c.args, &n)
	return n, wrap("count cases", err)
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
		Language: begin.Language, Parent: begin.Parent, ParentStep: begin.ParentStep, State: CaseOpen, StartedAt: s.now().UTC().Truncate(time.Microsecond)}
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
			return made, addKeys(ctx, tx, made.ID, begin.ContactKeys, append(slices.Clone(begin.ThreadKeys), ReferenceKey(made.Reference)))
		}
	}
	return Case{}, errors.New("no unused reference found")
}

// ReferenceKey is the thread key that every case has: a message that names the reference belongs to it.
func ReferenceKey(reference string) string { return "reference:" + strings.ToUpper(reference) }

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
	return one[Case](ctx, q, selectCases+" WHERE id = ?", id)
}
