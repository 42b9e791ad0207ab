package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// RobotVersion is a robot as its files are, at the address where it works.
type RobotVersion struct {
	Robot string `json:"robot"`
	Base  string `json:"base"`
	Hash  string `json:"hash"`
}

// RobotPrint is what a place of a robot was like.
type RobotPrint struct {
	Place  string
	Print  json.RawMessage
	Times  int64 // how many runs have seen it
	SeenAt time.Time
	PageAt time.Time // when a page of it was kept last; zero: never
}

func (p *RobotPrint) fields() []any {
	return []any{&p.Place, document{&p.Print}, &p.Times, stamp{&p.SeenAt}, stamp{&p.PageAt}}
}

// RobotPrints is what is known of the places of a robot.
func (s *Store) RobotPrints(ctx context.Context, of RobotVersion) ([]RobotPrint, error) {
	found, err := many[RobotPrint](ctx, s.read(), `SELECT p.place, p.print, p.times, p.seen_at,
		COALESCE((SELECT MAX(g.kept_at) FROM robot_pages g WHERE g.robot = p.robot AND g.base = p.base AND g.hash = p.hash AND g.place = p.place), 0)
		FROM robot_prints p WHERE p.robot = ? AND p.base = ? AND p.hash = ? ORDER BY p.place`, of.Robot, of.Base, of.Hash)
	return found, wrap("prints of "+of.Robot, err)
}

// SeenPlace is a place of a robot as a run has seen it.
type SeenPlace struct {
	Place string
	Print json.RawMessage
	Page  string // empty: none is kept
}

// pagesOfPlace is how many pages of a place are kept.
const pagesOfPlace = 5

// LearnRobot keeps what a run has seen: a place that is known takes the new print and counts one more.
func (s *Store) LearnRobot(ctx context.Context, of RobotVersion, seen []SeenPlace) error {
	now := s.now()
	return s.write(ctx, "learn robot "+of.Robot, func(tx session) error {
		for _, one := range seen {
			if _, err := tx.insert(ctx, "robot_prints", "robot, base, hash, place, print, times, seen_at",
				[]any{of.Robot, of.Base, of.Hash, one.Place, string(one.Print), 1, now},
				"ON CONFLICT (robot, base, hash, place) DO UPDATE SET print = excluded.print, times = robot_prints.times + 1, seen_at = excluded.seen_at"); err != nil {
				return err
			}
			if one.Page == "" {
				continue
			}
			id := idOf(of.Robot, of.Base, of.Hash, one.Place, one.Page)
			if _, err := tx.insert(ctx, "robot_pages", "id, robot, base, hash, place, page, kept_at",
				[]any{id, of.Robot, of.Base, of.Hash, one.Place, one.Page, now}, "ON CONFLICT (id) DO UPDATE SET kept_at = excluded.kept_at"); err != nil {
				return err
			}
			if _, err := tx.exec(ctx, `DELETE FROM robot_pages WHERE robot = ? AND base = ? AND hash = ? AND place = ? AND id NOT IN (
				SELECT id FROM robot_pages WHERE robot = ? AND base = ? AND hash = ? AND place = ? ORDER BY kept_at DESC, id LIMIT `+fmt.Sprint(pagesOfPlace)+`)`,
				of.Robot, of.Base, of.Hash, one.Place, of.Robot, of.Base, of.Hash, one.Place); err != nil {
				return err
			}
		}
		return nil
	})
}

func idOf(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(sum, "%d\n%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

type robotPage struct{ page string }

func (p *robotPage) fields() []any { return []any{&p.page} }

// RobotPages are the kept pages of a place, the newest first.
func (s *Store) RobotPages(ctx context.Context, of RobotVersion, place string) ([]string, error) {
	found, err := many[robotPage](ctx, s.read(), "SELECT page FROM robot_pages WHERE robot = ? AND base = ? AND hash = ? AND place = ? ORDER BY kept_at DESC, id", of.Robot, of.Base, of.Hash, place)
	pages := make([]string, len(found))
	for i := range found {
		pages[i] = found[i].page
	}
	return pages, wrap("pages of "+of.Robot, err)
}

// RobotChange is what runs propose about a robot file.
type RobotChange struct {
	RobotVersion
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`  // target, heading, alternative, page
	Place     string    `json:"place"` // file:line:column
	Words     string    `json:"words"` // the target, or what is not as it was
	Becomes   string    `json:"becomes,omitempty"`
	Reason    string    `json:"reason"`
	Page      string    `json:"-"`
	CaseID    string    `json:"case,omitempty"`
	State     string    `json:"state"`
	FoundAt   time.Time `json:"found_at"`
	Counted   int64     `json:"counted"`
	DecidedBy string    `json:"decided_by,omitempty"`
	DecidedAt time.Time `json:"decided_at,omitzero"`
	Note      string    `json:"note,omitempty"`
}

// The states of a proposed change.
const (
	ChangeOpen     = "open"
	ChangeAccepted = "accepted"
	ChangeRejected = "rejected"
)

const robotChangeColumns = "id, robot, base, hash, kind, place, words, becomes, reason, page, case_id, state, found_at, counted, decided_by, decided_at, note"

func (c *RobotChange) fields() []any {
	return []any{&c.ID, &c.Robot, &c.Base, &c.Hash, &c.Kind, &c.Place, &c.Words, &c.Becomes, &c.Reason, &c.Page, &c.CaseID, &c.State,
		stamp{&c.FoundAt}, &c.Counted, &c.DecidedBy, stamp{&c.DecidedAt}, &c.Note}
}

// ProposeRobotChange keeps a change for somebody to decide on. The same one again is counted, also after it was decided.
func (s *Store) ProposeRobotChange(ctx context.Context, change RobotChange) error {
	change.ID = idOf(change.Robot, change.Base, change.Hash, change.Kind, change.Place, change.Becomes, change.Words)
	change.State, change.FoundAt, change.Counted = ChangeOpen, s.now(), 1
	return s.write(ctx, "propose a change of "+change.Robot, func(tx session) error {
		_, err := tx.insert(ctx, "robot_changes", robotChangeColumns, change.fields(), "ON CONFLICT (id) DO UPDATE SET counted = robot_changes.counted + 1")
		return err
	})
}

// RobotChanges lists proposed changes, those that are open or all, the newest first.
func (s *Store) RobotChanges(ctx context.Context, all bool) ([]RobotChange, error) {
	found, err := many[RobotChange](ctx, s.read(), "SELECT "+robotChangeColumns+" FROM robot_changes WHERE (? OR state = ?) ORDER BY found_at DESC, id LIMIT 500", all, ChangeOpen)
	return found, wrap("changes of robots", err)
}

// RobotChange finds one.
func (s *Store) RobotChange(ctx context.Context, id string) (RobotChange, error) {
	found, err := one[RobotChange](ctx, s.read(), "SELECT "+robotChangeColumns+" FROM robot_changes WHERE id = ?", id)
	return found, wrap("change "+id, err)
}

// DecideRobotChange accepts or rejects a change, once. An accepted page is learned anew by the next run. It returns what was
// decided, by whoever was first.
func (s *Store) DecideRobotChange(ctx context.Context, id, state, who, note string) (RobotChange, error) {
	var decided RobotChange
	err := s.write(ctx, "decide on change "+id, func(tx session) error {
		n, err := tx.exec(ctx, "UPDATE robot_changes SET state = ?, decided_by = ?, decided_at = ?, note = ? WHERE id = ? AND state = ?", state, who, s.now(), note, id, ChangeOpen)
		if err != nil {
			return err
		}
		if decided, err = one[RobotChange](ctx, tx, "SELECT "+robotChangeColumns+" FROM robot_changes WHERE id = ?", id); err != nil || n == 0 {
			return err
		}
		if decided.State == ChangeAccepted && decided.Kind == "page" {
			_, err = tx.exec(ctx, "DELETE FROM robot_prints WHERE robot = ? AND base = ? AND hash = ? AND place = ?", decided.Robot, decided.Base, decided.Hash, decided.Place)
		}
		return err
	})
	return decided, err
}

// RobotCanary is how the last canary of a robot ended.
type RobotCanary struct {
	System    string        `json:"system"`
	Operation string        `json:"operation"`
	Robot     string        `json:"robot"`
	At        time.Time     `json:"at"`
	Took      time.Duration `json:"took_ns"`
	Class     string        `json:"class,omitempty"` // empty: it went well
	Message   string        `json:"message,omitempty"`
	Warnings  []string      `json:"warnings,omitempty"`
	Report    string        `json:"report,omitempty"` // digest of the report of the last one that failed or warned; empty: none is kept
}

func (c *RobotCanary) fields() []any {
	return append(c.columns(), &c.Report)
}

func (c *RobotCanary) columns() []any {
	return []any{&c.System, &c.Operation, &c.Robot, stamp{&c.At}, period{&c.Took}, &c.Class, &c.Message, words{&c.Warnings}}
}

const (
	robotCanaryColumns = "system, operation, robot, at, took, class, message, warnings"
	// canaryFiles begins what stands in the place of a case for the files of a canary.
	canaryFiles = "canary "
)

// PutRobotCanary keeps how a canary ended, in the place of the one before. Its report takes the place of the one before too,
// and is kept until an instant at most. One that failed without a report drops the one before, which would be taken for
// its own; one that went well leaves that of the last failure.
func (s *Store) PutRobotCanary(ctx context.Context, canary RobotCanary, report []byte, until time.Time) error {
	return s.write(ctx, "canary of "+canary.Robot, func(tx session) error {
		_, err := tx.insert(ctx, "robot_canaries", robotCanaryColumns, canary.columns(), `ON CONFLICT (system, operation) DO UPDATE SET
			robot = excluded.robot, at = excluded.at, took = excluded.took, class = excluded.class, message = excluded.message, warnings = excluded.warnings`)
		if err != nil || report == nil && canary.Class == "" {
			return err
		}
		owner := canaryFiles + canary.System + " " + canary.Operation
		if _, err := tx.exec(ctx, "DELETE FROM blobs WHERE case_id = ?", owner); err != nil || report == nil {
			return err
		}
		_, err = s.insertBlob(ctx, tx, owner, "text/html; charset=utf-8", report, until, "keep_until = excluded.keep_until")
		return err
	})
}

// RobotCanaries lists how the last canaries ended.
func (s *Store) RobotCanaries(ctx context.Context) ([]RobotCanary, error) {
	found, err := many[RobotCanary](ctx, s.read(), "SELECT "+robotCanaryColumns+`, COALESCE((SELECT MAX(id) FROM blobs WHERE case_id = '`+canaryFiles+`' || system || ' ' || operation), '')
		FROM robot_canaries ORDER BY system, operation`)
	return found, wrap("canaries", err)
}

// RobotCanaryReport is the report of a canary, by its digest.
func (s *Store) RobotCanaryReport(ctx context.Context, system, operation, digest string) ([]byte, error) {
	found, err := s.Blob(ctx, canaryFiles+system+" "+operation, digest)
	return found.Body, err
}

// ForgetRobots drops what is known of versions of robots that nothing has run since an instant, and changes that were
// decided, or found and left open, before it.
func (s *Store) ForgetRobots(ctx context.Context, before time.Time) error {
	return s.write(ctx, "forget robots", func(tx session) error {
		for _, statement := range []string{
			"DELETE FROM robot_prints WHERE seen_at < ?", "DELETE FROM robot_pages WHERE kept_at < ?", "DELETE FROM robot_changes WHERE CASE state WHEN 'open' THEN found_at ELSE decided_at END < ?",
		} {
			if _, err := tx.exec(ctx, statement, before); err != nil {
				return err
			}
		}
		return nil
	})
}
