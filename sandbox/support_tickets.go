package sandbox

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ticketIn is what a caller may write of a ticket. A field that is absent stays as it is.
type ticketIn struct {
	Subject       *string         `json:"subject"`
	Comment       *commentIn      `json:"comment"`
	Description   *string         `json:"description"`
	RequesterID   *int64          `json:"requester_id"`
	Requester     *requesterIn    `json:"requester"`
	SubmitterID   *int64          `json:"submitter_id"`
	AssigneeID    *int64          `json:"assignee_id"`
	AssigneeEmail *string         `json:"assignee_email"`
	GroupID       *int64          `json:"group_id"`
	Priority      *string         `json:"priority"`
	Status        *string         `json:"status"`
	Type          *string         `json:"type"`
	Tags          []string        `json:"tags"`
	ExternalID    *string         `json:"external_id"`
	CustomFields  json.RawMessage `json:"custom_fields"`
	DueAt         *time.Time      `json:"due_at"`
	BrandID       *int64          `json:"brand_id"`
	SafeUpdate    bool            `json:"safe_update"`
	UpdatedStamp  string          `json:"updated_stamp"`
	Metadata      object          `json:"metadata"` // what the caller wants to find again in the audit
}

type commentIn struct {
	Body     string   `json:"body"`
	HTMLBody string   `json:"html_body"`
	Public   *bool    `json:"public"`
	AuthorID *int64   `json:"author_id"`
	Uploads  []string `json:"uploads"`
}

type requesterIn struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	LocaleID int    `json:"locale_id"`
}

// ticket is a stored ticket, in the shape in which it is shown.
type ticket struct {
	ID           int64           `json:"id"`
	URL          string          `json:"url"`
	ExternalID   *string         `json:"external_id"`
	Via          object          `json:"via"`
	CreatedAt    string          `json:"created_at"`
	UpdatedAt    string          `json:"updated_at"`
	Type         *string         `json:"type"`
	Subject      string          `json:"subject"`
	RawSubject   string          `json:"raw_subject"`
	Description  string          `json:"description"`
	Priority     *string         `json:"priority"`
	Status       string          `json:"status"`
	Recipient    *string         `json:"recipient"`
	RequesterID  int64           `json:"requester_id"`
	SubmitterID  int64           `json:"submitter_id"`
	AssigneeID   *int64          `json:"assignee_id"`
	Organization *int64          `json:"organization_id"`
	GroupID      *int64          `json:"group_id"`
	BrandID      int64           `json:"brand_id"`
	IsPublic     bool            `json:"is_public"`
	HasIncidents bool            `json:"has_incidents"`
	DueAt        *time.Time      `json:"due_at"`
	Tags         []string        `json:"tags"`
	CustomFields json.RawMessage `json:"custom_fields"`
}

var (
	ticketStatuses   = []string{"new", "open", "pending", "hold", "solved", "closed"}
	ticketPriorities = []string{"urgent", "high", "normal", "low"}
	ticketTypes      = []string{"problem", "incident", "question", "task"}
)

// refusal is an answer that says no.
type refusal struct{ write func(http.ResponseWriter) }

func (refusal) Error() string { return "refused" }

func invalid(field, kind, description string) error {
	return refusal{func(w http.ResponseWriter) { invalidRecord(w, field, kind, description) }}
}

func refused(status int, kind, description string) error {
	return refusal{func(w http.ResponseWriter) { supportError(w, status, kind, description) }}
}

// answerError writes why a request was not done.
func (s *support) answerError(w http.ResponseWriter, err error) {
	var no refusal
	if errors.As(err, &no) {
		no.write(w)
		return
	}
	s.log.Error("support failed", "error", err)
	supportError(w, http.StatusInternalServerError, "InternalError", "Internal server error")
}

func readTicket(body []byte) (ticketIn, error) {
	var in struct {
		Ticket *ticketIn `json:"ticket"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		if strings.Contains(err.Error(), "unknown field") {
			return ticketIn{}, refused(http.StatusBadRequest, "UnpermittedParameters", err.Error())
		}
		return ticketIn{}, refused(http.StatusUnprocessableEntity, "Unprocessable Entity", "Server could not parse JSON: "+err.Error())
	}
	if in.Ticket == nil {
		return ticketIn{}, refused(http.StatusBadRequest, "InvalidParameter", `Parameter "ticket" is required`)
	}
	return *in.Ticket, nil
}

// apply changes a ticket as a caller asks.
func (s *support) apply(t *ticket, in ticketIn) error {
	oneOf := func(field string, value *string, known []string) error {
		if value != nil && !slices.Contains(known, *value) {
			return invalid(field, "InvalidValue", fmt.Sprintf("%s: %s is not one of %s", field, *value, strings.Join(known, ", ")))
		}
		return nil
	}
	if err := errors.Join(oneOf("status", in.Status, ticketStatuses), oneOf("priority", in.Priority, ticketPriorities), oneOf("type", in.Type, ticketTypes)); err != nil {
		return err
	}
	if in.Subject != nil {
		t.Subject, t.RawSubject = *in.Subject, *in.Subject
	}
	keep(&t.ExternalID, in.ExternalID)
	keep(&t.Priority, in.Priority)
	keep(&t.Type, in.Type)
	keep(&t.DueAt, in.DueAt)
	if in.Tags != nil {
		t.Tags = in.Tags
	}
	if in.CustomFields != nil {
		t.CustomFields = in.CustomFields
	}
	if err := s.assign(t, in); err != nil {
		return err
	}
	if in.Status != nil {
		t.Status = *in.Status
	}
	if t.Status == "solved" && t.AssigneeID == nil {
		return invalid("assignee", "BlankValue", "Assignee: is required when solving a ticket")
	}
	return nil
}

func keep[T any](field **T, value *T) {
	if value != nil {
		*field = value
	}
}

// assign sets who works on a ticket; an agent brings his default group, and a new ticket that is assigned is open.
func (s *support) assign(t *ticket, in ticketIn) error {
	if in.GroupID != nil {
		if !slices.ContainsFunc(s.groups, func(g object) bool { return g["id"] == *in.GroupID }) {
			return invalid("group", "InvalidValue", "Group: is invalid")
		}
		t.GroupID = in.GroupID
	}
	if in.AssigneeEmail != nil {
		agent := s.agent(*in.AssigneeEmail)
		if agent == nil {
			return invalid("assignee", "InvalidValue", "Assignee: is invalid")
		}
		id := agent["id"].(int64)
		in.AssigneeID = &id
	}
	if in.AssigneeID == nil {
		return nil
	}
	agent, ok := s.user(*in.AssigneeID)
	if !ok || agent["role"] == "end-user" {
		return invalid("assignee", "InvalidValue", "Assignee: is invalid")
	}
	t.AssigneeID = in.AssigneeID
	if group, ok := agent["default_group_id"].(int64); ok && in.GroupID == nil && t.GroupID == nil {
		t.GroupID = &group
	}
	if t.Status == "new" {
		t.Status = "open"
	}
	return nil
}

// fetch reads a ticket.
func fetch(ctx context.Context, from *statements, id int64) (ticket, error) {
	var text string
	err := from.row(ctx, `SELECT ticket FROM tickets WHERE id = ?`, []any{id}, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return ticket{}, refused(http.StatusNotFound, "RecordNotFound", "Not found")
	}
	if err != nil {
		return ticket{}, err
	}
	var t ticket
	return t, json.Unmarshal([]byte(text), &t)
}

// put writes a ticket; a new one gets its number.
func (t *ticket) put(ctx context.Context, tx *statements, now time.Time) error {
	t.UpdatedAt = stamp(now)
	if t.ID == 0 {
		done, err := tx.exec(ctx, `INSERT INTO tickets (status, updated, ticket) VALUES ('', 0, '')`)
		if err != nil {
			return err
		}
		if t.ID, err = done.LastInsertId(); err != nil {
			return err
		}
		t.CreatedAt, t.URL = t.UpdatedAt, fmt.Sprintf("https://nordwind-home.zendesk.com/api/v2/tickets/%d.json", t.ID)
	}
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `UPDATE tickets SET external_id = ?, status = ?, updated = ?, ticket = ? WHERE id = ?`,
		t.ExternalID, t.Status, now.UnixMilli(), string(text), t.ID)
	return err
}

// tickets reads the tickets that fit, by number.
func (s *support) tickets(ctx context.Context, where string, args ...any) ([]object, error) {
	rows, err := s.state.read.query(ctx, `SELECT ticket FROM tickets WHERE `+where+` ORDER BY id`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []object{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		t := object{}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&t); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

func (s *support) listTickets(w http.ResponseWriter, r *http.Request) {
	where, args := `? = ''`, []any{""}
	if q := r.URL.Query(); q.Has("external_id") {
		where, args = `external_id = ?`, []any{q.Get("external_id")}
	}
	list, err := s.tickets(r.Context(), where, args...)
	if err != nil {
		s.answerError(w, err)
		return
	}
	s.page(w, r, "tickets", list)
}

func (s *support) showTicket(w http.ResponseWriter, r *http.Request) {
	id, ok := s.number(w, r)
	if !ok {
		return
	}
	t, err := fetch(r.Context(), s.state.read, id)
	if err != nil {
		s.answerError(w, err)
		return
	}
	reply(w, http.StatusOK, object{"ticket": t})
}

func (s *support) listComments(w http.ResponseWriter, r *http.Request) {
	id, ok := s.number(w, r)
	if !ok {
		return
	}
	if _, err := fetch(r.Context(), s.state.read, id); err != nil {
		s.answerError(w, err)
		return
	}
	list, err := s.comments(r.Context(), id)
	if err != nil {
		s.answerError(w, err)
		return
	}
	if r.URL.Query().Get("sort_order") == "desc" || r.URL.Query().Get("sort") == "-created_at" {
		slices.Reverse(list)
	}
	s.page(w, r, "comments", list)
}

func (s *support) listAudits(w http.ResponseWriter, r *http.Request) {
	id, ok := s.number(w, r)
	if !ok {
		return
	}
	if _, err := fetch(r.Context(), s.state.read, id); err != nil {
		s.answerError(w, err)
		return
	}
	rows, err := s.state.read.query(r.Context(), `SELECT audit FROM audits WHERE ticket = ? ORDER BY id`, id)
	if err != nil {
		s.answerError(w, err)
		return
	}
	defer rows.Close()
	list := []object{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			s.answerError(w, err)
			return
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		log := object{}
		if err := d.Decode(&log); err != nil {
			s.answerError(w, err)
			return
		}
		list = append(list, log)
	}
	if err := rows.Err(); err != nil {
		s.answerError(w, err)
		return
	}
	s.page(w, r, "audits", list)
}

func (s *support) comments(ctx context.Context, id int64) ([]object, error) {
	rows, err := s.state.read.query(ctx, `SELECT id, comment FROM comments WHERE ticket = ? ORDER BY id`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []object{}
	for rows.Next() {
		var n int64
		var text string
		if err := rows.Scan(&n, &text); err != nil {
			return nil, err
		}
		c := object{}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&c); err != nil {
			return nil, err
		}
		c["id"] = n
		list = append(list, c)
	}
	return list, rows.Err()
}

// search finds tickets (and users) by external_id:, status:, tags: and words of the subject, some seconds late.
func (s *support) search(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query().Get("query")
	if query == "" {
		supportError(w, http.StatusUnprocessableEntity, "invalid", "Invalid search: query is required")
		return
	}
	found := []object{}
	if !strings.Contains(query, "type:user") {
		list, err := s.tickets(r.Context(), `updated <= ?`, time.Now().Add(-searchLag).UnixMilli())
		if err != nil {
			s.answerError(w, err)
			return
		}
		for _, t := range choose(list, func(t object) bool { return ticketFits(t, query) }) {
			t["result_type"] = "ticket"
			found = append(found, t)
		}
	}
	if !strings.Contains(query, "type:ticket") {
		for _, u := range shownUsers(s.chooseUsers(func(u object) bool { return userFits(u, query) })) {
			u["result_type"] = "user"
			found = append(found, u)
		}
	}
	s.page(w, r, "results", found)
}

func ticketFits(t object, query string) bool {
	for _, part := range searchParts(query) {
		key, value, keyed := strings.Cut(part, ":")
		value = strings.Trim(value, `"`)
		fits := false
		switch {
		case !keyed:
			fits = hasWords(fmt.Sprint(t["subject"]), part)
		case key == "type":
			fits = value == "ticket"
		case key == "external_id" || key == "status" || key == "priority":
			fits = t[key] == value
		case key == "tags":
			tags, _ := t["tags"].([]any)
			fits = slices.Contains(tags, any(value))
		}
		if !fits {
			return false
		}
	}
	return true
}
