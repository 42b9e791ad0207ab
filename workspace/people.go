package workspace

import (
	"cmp"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/source"
)

// People is who works here: the file that people: {roles: …} of crosswalk.yaml names.
type People struct {
	Users  []User
	Queues []Queue
	Roles  []string // every role that somebody has, sorted
	// Repair says for each of RepairActs which roles may do it to cases.
	Repair map[string][]string
}

// RepairActs are what may be done about a case that does not go on by itself, or not in the right way.
var RepairActs = []string{"retry", "answer", "skip", "redo", "cancel", "move"}

// repairers are the roles that may repair cases where the roles file does not say so.
var repairers = map[string][]string{
	"retry": {"operator", "support-lead"}, "answer": {"operator", "support-lead"}, "skip": {"operator", "support-lead"},
	"cancel": {"operator", "support-lead"}, "redo": {"operator"}, "move": {"operator"},
}

// MayRepair says whether one of the roles may do an act to cases.
func (p *People) MayRepair(roles []string, act string) bool {
	allowed, said := p.Repair[act]
	if !said {
		allowed = repairers[act]
	}
	return slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(allowed, role) })
}

// User is one person who may log in.
type User struct {
	Name  string
	Email string // lower case; the login
	// PasswordHash is an argon2id hash in PHC form, or Password refers to a password in the clear.
	PasswordHash string
	Password     Reference
	Roles        []string
	Queues       []string
	Skills       []string
	Languages    []string
	Absent       []Absence
}

// Absence is a time in which somebody is not here; both days belong to it, times of day are ignored.
type Absence struct {
	From, To time.Time
	Deputy   string // the e-mail of who may do his work meanwhile; "" for nobody
}

// holds says whether a day belongs to the absence.
func (a Absence) holds(day time.Time) bool {
	day = day.UTC().Truncate(24 * time.Hour)
	return !day.Before(a.From) && !day.After(a.To)
}

// Queue is a heap of tasks that several people share.
type Queue struct {
	Name  string
	Title string
	Roles []string // who may take from it; empty: those users that name it
}

// User returns the user with an e-mail address, or nil.
func (p *People) User(email string) *User {
	for i := range p.Users {
		if strings.EqualFold(p.Users[i].Email, email) {
			return &p.Users[i]
		}
	}
	return nil
}

// Queue returns a queue by name, or nil.
func (p *People) Queue(name string) *Queue {
	for i := range p.Queues {
		if p.Queues[i].Name == name {
			return &p.Queues[i]
		}
	}
	return nil
}

// Has says whether the user has a role.
func (u *User) Has(role string) bool { return slices.Contains(u.Roles, role) }

// Serves says whether the user may work in a queue: by naming it or by one of its roles.
func (u *User) Serves(queue *Queue) bool {
	return slices.Contains(u.Queues, queue.Name) || slices.ContainsFunc(queue.Roles, u.Has)
}

// AbsentOn says whether the user is away on a day.
func (u *User) AbsentOn(day time.Time) bool {
	return slices.ContainsFunc(u.Absent, func(a Absence) bool { return a.holds(day) })
}

// DeputyFor lists those who are absent on a day and have named the user as their deputy. It is not handed on: who is a
// deputy and goes away does not leave the work of others to his own deputy.
func (p *People) DeputyFor(u *User, day time.Time) []*User {
	var absent []*User
	for i := range p.Users {
		other := &p.Users[i]
		if other != u && slices.ContainsFunc(other.Absent, func(a Absence) bool { return a.holds(day) && a.Deputy == u.Email }) {
			absent = append(absent, other)
		}
	}
	return absent
}

// Reach lists the e-mail addresses of those whom a task is for: the person that it is meant for, else everybody with
// its role, else everybody of its queue. Who is absent is left out, and who is the deputy of one of them is in.
func (p *People) Reach(role, queue, person string, day time.Time) []string {
	var addresses []string
	for i := range p.Users {
		user := &p.Users[i]
		if user.AbsentOn(day) {
			continue
		}
		for _, acting := range append([]*User{user}, p.DeputyFor(user, day)...) {
			meant := person != "" && strings.EqualFold(acting.Email, person)
			if person == "" {
				heap := p.Queue(queue)
				meant = role != "" && acting.Has(role) || role == "" && heap != nil && acting.Serves(heap)
			}
			if meant {
				addresses = append(addresses, user.Email)
				break
			}
		}
	}
	return addresses
}

var (
	plainName    = regexp.MustCompile(`^[a-z][a-z0-9]*([_-][a-z0-9]+)*$`)
	languageCode = regexp.MustCompile(`^[a-z]{2}$`)
	argonHash    = regexp.MustCompile(`^\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$`)
)

// parsePeople reads a roles file.
func parsePeople(file string, text []byte, base string) (*People, source.Problems) {
	doc := source.Parse(file, text)
	people := &People{}
	fields := doc.Root.Fields(rolesShape)
	queues := fields["queues"]
	for _, name := range keysOf(queues) {
		people.Queues = append(people.Queues, parseQueue(queues, name))
	}
	for _, node := range fields["users"].List() {
		user := parseUser(node, base)
		if people.User(user.Email) != nil && user.Email != "" {
			node.Get("email").Errorf("give each user an address of their own", "two users have the address %s", user.Email)
		}
		people.Users = append(people.Users, user)
		people.Roles = append(people.Roles, user.Roles...)
	}
	slices.Sort(people.Roles)
	people.Roles = slices.Compact(people.Roles)
	people.check(fields["users"], queues)
	if len(people.Users) > 0 && !people.helped() {
		fields["users"].Warnf("add queues: {"+queueRepair+": {roles: [agent]}} with a role that somebody has, or give somebody the role "+Leads[0],
			"nobody sees the tasks of cases that need help, as when a page has changed or a secret is missing")
	}
	people.parseRepair(fields["repair"])
	return people, doc.Problems()
}

// Leads are the roles that see every queue.
var Leads = []string{"support-lead", "operator"}

// queueRepair is the queue of the tasks by which cases ask for help.
const queueRepair = "repair"

// helped says whether somebody sees the tasks of cases that need help.
func (p *People) helped() bool {
	queue := p.Queue(queueRepair)
	for i := range p.Users {
		if user := &p.Users[i]; slices.ContainsFunc(Leads, user.Has) || queue != nil && user.Serves(queue) {
			return true
		}
	}
	return false
}

func parseQueue(queues *source.Node, name string) Queue {
	node := queues.Get(name)
	checkPlain(queues.KeyNode(name), "queue")
	if node.Kind() == source.Null {
		return Queue{Name: name, Title: name}
	}
	fields := node.Fields(queueShape)
	return Queue{Name: name, Title: cmp.Or(fields["title"].Text(), name), Roles: fields["roles"].Texts()}
}

// parseRepair reads who may do what to cases: repair: {move: [operator], retry: [operator, agent]}.
func (p *People) parseRepair(node *source.Node) {
	fields := node.Fields(repairShape)
	for _, act := range RepairActs {
		roles, said := fields[act]
		if !said {
			continue
		}
		if p.Repair == nil {
			p.Repair = map[string][]string{}
		}
		p.Repair[act] = roles.Texts()
		for _, role := range listOf(roles) {
			if !slices.Contains(p.Roles, role.Text()) {
				role.Warnf(source.DidYouMean(role.Text(), p.Roles), "nobody has the role %q", role.Text())
			}
		}
	}
}

func parseUser(node *source.Node, base string) User {
	fields := node.Fields(userShape)
	user := User{Name: node.Required("name", "").Text(), Email: strings.ToLower(node.Required("email", "it is the login").Text())}
	if email := fields["email"]; email.Exists() {
		if address, err := mail.ParseAddress(user.Email); err != nil || address.Address != user.Email {
			email.Errorf("", "%q is not an e-mail address", user.Email)
		}
	}
	hash := fields["password_hash"]
	if user.PasswordHash = hash.Text(); hash.Exists() && !argonHash.MatchString(user.PasswordHash) {
		hash.Errorf("it begins with $argon2id$v=19$", "this is not an argon2id hash")
		user.PasswordHash = ""
	}
	user.Password = parseReference(fields["password"], base)
	if hash.Exists() && fields["password"].Exists() {
		hash.Errorf("keep one of them", "a user has either a password_hash or a password")
	}
	user.Roles, user.Queues, user.Skills = fields["roles"].Texts(), fields["queues"].Texts(), fields["skills"].Texts()
	for _, language := range listOf(fields["languages"]) {
		if !languageCode.MatchString(language.Text()) {
			language.Errorf("two small letters, as in en or de", "%q is not a language code", language.Text())
		}
		user.Languages = append(user.Languages, language.Text())
	}
	for _, absence := range fields["absent"].List() {
		user.Absent = append(user.Absent, parseAbsence(absence))
	}
	return user
}

func parseAbsence(node *source.Node) Absence {
	fields := node.Fields(absenceShape)
	absence := Absence{Deputy: strings.ToLower(fields["deputy"].Text()), From: parseDay(node.Required("from", "")), To: parseDay(node.Required("to", ""))}
	if !absence.From.IsZero() && !absence.To.IsZero() && absence.To.Before(absence.From) {
		node.Get("to").Errorf("", "the absence ends before it begins")
	}
	return absence
}

func parseDay(node *source.Node) time.Time {
	if !node.Exists() {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, node.Text())
	if err != nil {
		node.Errorf("write it as in 2026-03-01", "%q is not a day", node.Text())
	}
	return day
}

// check finds queues that nobody declared and roles that nobody has.
func (p *People) check(users, queues *source.Node) {
	known := make([]string, 0, len(p.Queues))
	for _, queue := range p.Queues {
		known = append(known, queue.Name)
	}
	for i, user := range users.List() {
		for j, absence := range user.Get("absent").List() {
			p.checkDeputy(absence.Get("deputy"), p.Users[i].Email, p.Users[i].Absent[j])
		}
		for _, name := range listOf(user.Get("queues")) {
			if p.Queue(name.Text()) == nil {
				name.Errorf(source.DidYouMean(name.Text(), known), "there is no queue %q", name.Text())
			}
		}
	}
	for _, queue := range p.Queues {
		for _, role := range listOf(queues.Get(queue.Name).Get("roles")) {
			if !slices.Contains(p.Roles, role.Text()) {
				role.Warnf(source.DidYouMean(role.Text(), p.Roles), "nobody has the role %q", role.Text())
			}
		}
	}
}

func (p *People) checkDeputy(deputy *source.Node, of string, absence Absence) {
	user := p.User(deputy.Text())
	switch {
	case !deputy.Exists():
	case user == nil:
		var known []string
		for _, user := range p.Users {
			known = append(known, user.Email)
		}
		deputy.Errorf(source.DidYouMean(deputy.Text(), known), "there is nobody with the address %s", deputy.Text())
	case user.Email == of:
		deputy.Errorf("name somebody else", "nobody is his own deputy")
	default:
		for _, away := range user.Absent {
			if !away.From.IsZero() && !absence.From.IsZero() && !away.From.After(absence.To) && !absence.From.After(away.To) {
				deputy.Warnf("the work is not handed on to the deputy's own deputy: name somebody who is there", "%s is away too, from %s to %s", user.Email,
					away.From.Format(time.DateOnly), away.To.Format(time.DateOnly))
			}
		}
	}
}

func checkPlain(node *source.Node, what string) {
	if node.Exists() && !plainName.MatchString(node.Text()) {
		node.Errorf("use small letters, digits, - and _, beginning with a letter", "%q is not a name for a %s", node.Text(), what)
	}
}

// listOf is the items of a list, or a single value as a list of one.
func listOf(node *source.Node) []*source.Node {
	if node.Kind() == source.Scalar {
		return []*source.Node{node}
	}
	return node.List()
}
