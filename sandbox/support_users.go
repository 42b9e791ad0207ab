package sandbox

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

var supportGroups = []string{"Complaints", "Shipping", "Workshop", "Team leads"}

func (s *support) loadGroups() {
	for i, name := range supportGroups {
		s.groups = append(s.groups, object{"id": int64(360000000101 + i), "name": name, "description": "", "default": i == 0, "deleted": false,
			"is_public": true, "created_at": stamp(s.world.since(2000)), "updated_at": stamp(s.world.since(2000))})
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (s *support) group(name string) int64 {
	for _, g := range s.groups {
		if g["name"] == name {
			return g["id"].(int64)
		}
	}
	return 0
}

// loadUsers makes the users of the world and reads those that tickets have created since.
func (s *support) loadUsers(ctx context.Context) error {
	s.addUser(supportUser(38000000000001, "Crosswalk", SupportLogin.User, "", "admin", "en", s.world.since(900)), nil)
	for _, a := range s.world.Agents {
		u := supportUser(a.UserID, a.Name, a.Email, "", a.Role, a.Languages[0], s.world.since(1900))
		u["default_group_id"] = s.group(a.Groups[0])
		u["tags"] = a.Languages
		s.addUser(u, nil)
	}
	mailed := map[string]bool{}
	for i, c := range s.world.Customers {
		if c.UserID == 0 {
			continue
		}
		emails := c.Emails
		if mailed[c.Email()] { // an address is one user's; the second person of a household is known by phone
			emails = nil
		}
		mailed[c.Email()] = true
		address := ""
		if len(emails) > 0 {
			address = emails[0]
		}
		u := supportUser(c.UserID, c.Name(), address, c.Phone, "end-user", c.Language, s.world.since(1400-i))
		u["user_fields"] = object{"social_handle": textOrNull(c.Handle)}
		s.addUser(u, emails)
	}
	rows, err := s.state.read.query(ctx, `SELECT user FROM users ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		u, err := parseUser(text)
		if err != nil {
			return err
		}
		s.addUser(u, []string{u["email"].(string)})
	}
	return rows.Err()
}

func parseUser(text string) (object, error) {
	var known struct {
		ID      int64
		Name    string
		Email   string
		Created time.Time
	}
	err := json.Unmarshal([]byte(text), &known)
	return supportUser(known.ID, known.Name, known.Email, "", "end-user", "en", known.Created), err
}

func supportUser(id int64, name, email, phone, role, language string, created time.Time) object {
	return object{
		"id": id, "url": "", "name": name, "email": textOrNull(email), "phone": textOrNull(phone), "role": role, "locale": language,
		"locale_id": 1, "created_at": stamp(created), "updated_at": stamp(created), "time_zone": "Berlin", "iana_time_zone": "Europe/Berlin",
		"verified": true, "active": true, "suspended": false, "shared": false, "external_id": nil, "organization_id": nil,
		"default_group_id": nil, "tags": []string{}, "user_fields": object{}, "alias": nil, "notes": nil, "details": nil, "photo": nil,
		"shared_phone_number": nil, "moderator": role != "end-user", "ticket_restriction": nil, "only_private_comments": false, "signature": nil,
	}
}

// supportEmails holds the addresses of a user; the first one is shown as "email". It is never part of an answer.
const supportEmails = "\x00emails"

func (s *support) addUser(u object, emails []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if emails == nil && u["email"] != nil {
		emails = []string{u["email"].(string)}
	}
	u[supportEmails] = emails
	s.users = append(s.users, u)
	s.byID[u["id"].(int64)] = u
	for _, address := range emails {
		address = strings.ToLower(address)
		s.mailed[address] = append(s.mailed[address], u)
	}
}

func shownUser(u object) object {
	shown := object{}
	for k, v := range u {
		if k != supportEmails {
			shown[k] = v
		}
	}
	return shown
}

func shownUsers(list []object) []object {
	shown := make([]object, 0, len(list))
	for _, u := range list {
		shown = append(shown, shownUser(u))
	}
	return shown
}

func (s *support) chooseUsers(fits func(object) bool) []object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sortedByID(choose(s.users, fits))
}

func hasEmail(u object, address string) bool {
	emails, _ := u[supportEmails].([]string)
	return slices.ContainsFunc(emails, func(e string) bool { return strings.EqualFold(e, address) })
}

func (s *support) agent(address string) object {
	for _, u := range s.withEmail(address) {
		if u["role"] != "end-user" {
			return u
		}
	}
	return nil
}

// withEmail finds the users of an address, by number.
func (s *support) withEmail(address string) []object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sortedByID(slices.Clone(s.mailed[strings.ToLower(address)]))
}

func sortedByID(users []object) []object {
	slices.SortStableFunc(users, func(a, b object) int { return cmp.Compare(a["id"].(int64), b["id"].(int64)) })
	return users
}

func (s *support) user(id int64) (object, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u, ok := s.byID[id]
	return u, ok
}

// searchUsers understands email:, phone:, name:, role: and words of a name.
func (s *support) searchUsers(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !q.Has("query") && !q.Has("external_id") {
		supportError(w, http.StatusBadRequest, "InvalidParameter", "query or external_id must be given")
		return
	}
	if q.Has("page[size]") || q.Has("page[after]") {
		supportError(w, http.StatusBadRequest, "InvalidPaginationParameter", "this list has offset pagination only")
		return
	}
	s.page(w, r, "users", shownUsers(s.chooseUsers(func(u object) bool { return !q.Has("external_id") && userFits(u, q.Get("query")) })))
}

// userFits checks each part of a search; a part is key:value or a word, either of them in double quotes if it has spaces.
func userFits(u object, query string) bool {
	parts := searchParts(query)
	for _, part := range parts {
		key, value, keyed := strings.Cut(part, ":")
		if !keyed {
			key, value = "", part
		}
		value = strings.Trim(value, `"`)
		fits := false
		switch key {
		case "email":
			fits = hasEmail(u, value)
		case "phone":
			phone, _ := u["phone"].(string)
			fits = phoneFits(phone, value)
		case "name":
			fits = hasWords(u["name"].(string), value)
		case "role":
			fits = u["role"] == value
		case "type":
			fits = value == "user"
		case "":
			email, _ := u["email"].(string)
			phone, _ := u["phone"].(string)
			fits = hasWords(u["name"].(string), value) || strings.EqualFold(email, value) || digitsOf(value) != "" && digitsOf(phone) == digitsOf(value)
		}
		if !fits {
			return false
		}
	}
	return len(parts) > 0
}

// phoneFits compares digits; a leading * stands for any digits before.
func phoneFits(phone, wanted string) bool {
	digits := digitsOf(wanted)
	if strings.HasPrefix(wanted, "*") {
		return digits != "" && strings.HasSuffix(digitsOf(phone), digits)
	}
	return digits != "" && digitsOf(phone) == digits
}

// searchParts cuts a query at spaces outside of quotes.
func searchParts(query string) []string {
	quoted := false
	return strings.FieldsFunc(query, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

func hasWords(name, words string) bool {
	have := tokens(name)
	for _, word := range tokens(words) {
		if !slices.ContainsFunc(have, func(t string) bool { return strings.HasPrefix(t, word) }) {
			return false
		}
	}
	return len(tokens(words)) > 0
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func (s *support) listUsers(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	roles := append(q["role"], q["role[]"]...)
	for _, role := range roles {
		if !slices.Contains([]string{"end-user", "agent", "admin"}, role) {
			supportError(w, http.StatusBadRequest, "InvalidValue", "role: "+role)
			return
		}
	}
	s.page(w, r, "users", shownUsers(s.chooseUsers(func(u object) bool { return len(roles) == 0 || slices.Contains(roles, u["role"].(string)) })))
}

func (s *support) showUser(w http.ResponseWriter, r *http.Request) {
	id, ok := s.number(w, r)
	if !ok {
		return
	}
	u, ok := s.user(id)
	if !ok {
		supportNotFound(w)
		return
	}
	reply(w, http.StatusOK, object{"user": shownUser(u)})
}

func (s *support) me(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, object{"user": shownUser(caller(r))})
}

func (s *support) identities(w http.ResponseWriter, r *http.Request) {
	id, ok := s.number(w, r)
	if !ok {
		return
	}
	u, ok := s.user(id)
	if !ok {
		supportNotFound(w)
		return
	}
	list := []object{}
	add := func(kind, value string, primary bool) {
		list = append(list, object{"id": id*10 + int64(len(list)), "user_id": id, "type": kind, "value": value, "primary": primary, "verified": true})
	}
	emails, _ := u[supportEmails].([]string)
	for i, e := range emails {
		add("email", e, i == 0)
	}
	if phone, ok := u["phone"].(string); ok {
		add("phone_number", phone, len(list) == 0)
	}
	if fields, ok := u["user_fields"].(object); ok && fields["social_handle"] != nil {
		add("twitter", fields["social_handle"].(string), false)
	}
	s.page(w, r, "identities", list)
}

func (s *support) listGroups(w http.ResponseWriter, r *http.Request) {
	s.page(w, r, "groups", s.groups)
}

func (s *support) memberships(w http.ResponseWriter, r *http.Request) {
	list := []object{}
	for _, a := range s.world.Agents {
		for i, name := range a.Groups {
			list = append(list, object{"id": a.UserID*10 + int64(i), "user_id": a.UserID, "group_id": s.group(name), "default": i == 0})
		}
	}
	s.page(w, r, "group_memberships", list)
}
