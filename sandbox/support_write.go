package sandbox

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"time"
)

// idempotencyLife is how long the support system remembers a key.
const idempotencyLife = 2 * time.Hour

// createTicket makes a ticket, at most once for each Idempotency-Key. The work is done even if the caller has gone.
func (s *support) createTicket(w http.ResponseWriter, r *http.Request) {
	ctx := context.WithoutCancel(r.Context())
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		supportError(w, http.StatusBadRequest, "InvalidBody", err.Error())
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 255 {
		supportError(w, http.StatusBadRequest, "InvalidIdempotencyKey", "Idempotency-Key must be at most 255 characters")
		return
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if key != "" {
		known, err := s.replay(ctx, w, key, body)
		if err != nil {
			s.answerError(w, err)
		}
		if known || err != nil {
			return
		}
		w.Header().Set("X-Idempotency-Lookup", "miss")
	}
	location, answer, err := s.create(ctx, caller(r), key, body)
	if err != nil {
		s.answerError(w, err)
		return
	}
	sendCreated(w, http.StatusCreated, location, answer)
}

func sendCreated(w http.ResponseWriter, status int, location string, answer []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Location", location)
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func fingerprint(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// replay answers a key that is known: with the first answer, or with a refusal if the request was another one.
func (s *support) replay(ctx context.Context, w http.ResponseWriter, key string, body []byte) (bool, error) {
	var request, location, answer string
	var status int
	err := s.state.read.row(ctx, `SELECT request, status, location, answer FROM idempotency WHERE key = ? AND created > ?`,
		[]any{key, time.Now().Add(-idempotencyLife).UnixMilli()}, &request, &status, &location, &answer)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if request != fingerprint(body) {
		return true, refused(http.StatusUnprocessableEntity, "IdempotentRequestError", "The request parameters do not match those of the first request with this Idempotency-Key")
	}
	w.Header().Set("X-Idempotency-Lookup", "hit")
	sendCreated(w, status, location, []byte(answer))
	return true, nil
}

// create makes the ticket, its first comment and, if need be, the requester, and remembers the key, all or nothing.
func (s *support) create(ctx context.Context, by object, key string, body []byte) (location string, answer []byte, err error) {
	in, err := readTicket(body)
	if err != nil {
		return "", nil, err
	}
	if in.Comment == nil && in.Description != nil {
		in.Comment = &commentIn{Body: *in.Description}
	}
	if in.Comment == nil || in.Comment.Body == "" && in.Comment.HTMLBody == "" {
		return "", nil, invalid("base", "BlankValue", "Description: cannot be blank")
	}
	me := by["id"].(int64)
	t := ticket{Status: "new", Tags: []string{}, CustomFields: json.RawMessage("[]"), BrandID: 360000000001, IsPublic: true,
		RequesterID: me, SubmitterID: me, Via: object{"channel": "api", "source": object{"from": object{}, "to": object{}, "rel": nil}}}
	if in.SubmitterID != nil {
		t.SubmitterID = *in.SubmitterID
	}
	newUser, err := s.requester(&t, in)
	if err != nil {
		return "", nil, err
	}
	if err := s.apply(&t, in); err != nil {
		return "", nil, err
	}
	t.Description = in.Comment.text()
	if t.Subject == "" {
		t.RawSubject = ""
	}
	now := time.Now()
	err = s.state.write.within(ctx, func(tx *statements) error {
		if newUser != nil {
			if err := putUser(ctx, tx, newUser, now); err != nil {
				return err
			}
		}
		if err := t.put(ctx, tx, now); err != nil {
			return err
		}
		comment, err := putComment(ctx, tx, t, *in.Comment, t.RequesterID, now)
		if err != nil {
			return err
		}
		location = t.URL
		log, err := keepAudit(ctx, tx, t, comment, in.Metadata, now)
		if err != nil {
			return err
		}
		answer, err = json.Marshal(object{"ticket": t, "audit": log})
		if err != nil || key == "" {
			return err
		}
		return remember(ctx, tx, key, body, location, answer, now)
	})
	if err == nil && newUser != nil {
		s.addUser(newUser, []string{newUser["email"].(string)})
	}
	return location, answer, err
}

// remember notes that a key was executed once more. More than once in all would be a double effect.
func remember(ctx context.Context, tx *statements, key string, body []byte, location string, answer []byte, now time.Time) error {
	_, err := tx.exec(ctx, `INSERT INTO idempotency (key, request, status, location, answer, executed, created) VALUES (?, ?, 201, ?, ?, 1, ?)
		ON CONFLICT (key) DO UPDATE SET request = excluded.request, location = excluded.location, answer = excluded.answer,
		executed = executed + 1, created = excluded.created`, key, fingerprint(body), location, string(answer), now.UnixMilli())
	return err
}

// requester finds who has the problem; an address that nobody has becomes a new user.
func (s *support) requester(t *ticket, in ticketIn) (newUser object, err error) {
	switch {
	case in.RequesterID != nil:
		if _, ok := s.user(*in.RequesterID); !ok {
			return nil, invalid("requester", "InvalidValue", "Requester: is invalid")
		}
		t.RequesterID = *in.RequesterID
	case in.Requester != nil:
		for _, u := range s.withEmail(in.Requester.Email) {
			t.RequesterID = u["id"].(int64)
			return nil, nil
		}
		if in.Requester.Name == "" || in.Requester.Email == "" {
			return nil, invalid("requester", "BlankValue", "Requester: Name: is too short (minimum is 1 characters)")
		}
		id := int64(39000000000000) + time.Now().UnixMicro()%900000000000
		t.RequesterID = id
		return supportUser(id, in.Requester.Name, in.Requester.Email, "", "end-user", "en", time.Now()), nil
	}
	return nil, nil
}

func putUser(ctx context.Context, tx *statements, u object, now time.Time) error {
	text, err := json.Marshal(object{"ID": u["id"], "Name": u["name"], "Email": u["email"], "Created": now})
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO users VALUES (?, ?)`, u["id"], string(text))
	return err
}

func (c commentIn) text() string {
	if c.Body != "" {
		return c.Body
	}
	return c.HTMLBody
}

func putComment(ctx context.Context, tx *statements, t ticket, in commentIn, author int64, now time.Time) (object, error) {
	if in.AuthorID != nil {
		author = *in.AuthorID
	}
	markup := in.HTMLBody
	if markup == "" {
		markup = `<div class="zd-comment" dir="auto">` + html.EscapeString(in.Body) + `</div>`
	}
	c := object{"type": "Comment", "author_id": author, "body": in.text(), "plain_body": in.text(), "html_body": markup,
		"public": in.Public == nil || *in.Public, "attachments": []object{}, "audit_id": now.UnixMicro(), "created_at": stamp(now),
		"via": object{"channel": "api"}, "metadata": object{}}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	done, err := tx.exec(ctx, `INSERT INTO comments (ticket, comment) VALUES (?, ?)`, t.ID, string(text))
	if err != nil {
		return nil, err
	}
	c["id"], err = done.LastInsertId()
	return c, err
}

// keepAudit writes down what a request did to a ticket, with the caller's own notes.
func keepAudit(ctx context.Context, tx *statements, t ticket, comment, notes object, now time.Time) (object, error) {
	events := []object{}
	if comment != nil {
		events = append(events, comment)
	}
	if notes == nil {
		notes = object{}
	}
	log := object{"id": now.UnixMicro(), "ticket_id": t.ID, "created_at": stamp(now), "author_id": t.SubmitterID, "events": events,
		"metadata": object{"system": object{}, "custom": notes}, "via": t.Via}
	text, err := json.Marshal(log)
	if err != nil {
		return nil, err
	}
	_, err = tx.exec(ctx, `INSERT INTO audits (ticket, audit) VALUES (?, ?)`, t.ID, string(text))
	return log, err
}

// updateTicket changes a ticket and may add a comment. The work is done even if the caller has gone.
func (s *support) updateTicket(w http.ResponseWriter, r *http.Request) {
	ctx := context.WithoutCancel(r.Context())
	id, ok := s.number(w, r)
	if !ok {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		supportError(w, http.StatusBadRequest, "InvalidBody", err.Error())
		return
	}
	in, err := readTicket(body)
	if err != nil {
		s.answerError(w, err)
		return
	}
	t, log, err := s.update(ctx, caller(r), id, in)
	if err != nil {
		s.answerError(w, err)
		return
	}
	reply(w, http.StatusOK, object{"ticket": t, "audit": log})
}

func (s *support) update(ctx context.Context, by object, id int64, in ticketIn) (t ticket, log object, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	now := time.Now()
	err = s.state.write.within(ctx, func(tx *statements) error {
		if t, err = fetch(ctx, tx, id); err != nil {
			return err
		}
		if t.Status == "closed" {
			return invalid("status", "InvalidValue", "Status: closed prevents ticket update")
		}
		if in.SafeUpdate && in.UpdatedStamp != t.UpdatedAt {
			return refused(http.StatusConflict, "UpdateConflict", "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data and try again.")
		}
		before := t.Status
		if err := s.apply(&t, in); err != nil {
			return err
		}
		if err := t.put(ctx, tx, now); err != nil {
			return err
		}
		var comment object
		if in.Comment != nil {
			if comment, err = putComment(ctx, tx, t, *in.Comment, by["id"].(int64), now); err != nil {
				return err
			}
		}
		if log, err = keepAudit(ctx, tx, t, comment, in.Metadata, now); err != nil {
			return err
		}
		if before == t.Status {
			return nil
		}
		return s.announce(ctx, tx, t, before, by["id"].(int64), now)
	})
	if err == nil && s.due.Swap(false) {
		s.nudge()
	}
	return t, log, err
}
