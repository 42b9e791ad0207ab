package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/robots/recording"
	"crosswalk/rules"
	"crosswalk/workspace"
)

// lookTime bounds the look at the pages of a recording.
const lookTime = 90 * time.Second

// mostLooks is how often the pages are gone through: each time they may show what leads further.
const mostLooks = 12

// look opens the pages of the recording once, with what was typed in it, and completes the plan by what they show. What
// keeps it from doing so is a note and no error: the robot is then made of the recording alone.
func (i *robotImport) look(ctx context.Context) error {
	for round := 1; ; round++ {
		seen, err := i.lookOnce(ctx)
		if errors.As(err, &noSecret{}) {
			return contentError(fmt.Errorf("the pages cannot be looked at: %w; nothing was written: set it and import again, or import with --offline", err))
		}
		if err != nil {
			i.notes = append(i.notes, fmt.Sprintf("the pages were not looked at: %s", err))
			return nil
		}
		before, login := i.files, len(i.plan.Login)
		i.options.Seen = seen
		if err := i.planned(); err != nil {
			return err
		}
		if len(i.plan.Login) != login && round < mostLooks {
			continue // what the fence has stopped is the login, which may be sent
		}
		posts := slices.DeleteFunc(seen.Posts, func(post recording.Search) bool { return slices.Contains(i.plan.Searches, post) })
		again, err := i.askSearches(posts)
		if err != nil {
			return err
		}
		i.searches = append(i.searches, again...)
		if err := i.planned(); err != nil {
			return err
		}
		// Where the look ended early, what the robot has learned from it may lead further: an alternative that misled, the name of a field.
		if round == mostLooks || len(again) == 0 && (seen.Problem == "" || maps.EqualFunc(before, i.files, bytes.Equal)) {
			if seen.Problem != "" {
				i.notes = append(i.notes, "the look at the pages ended early: "+seen.Problem)
			}
			return nil
		}
	}
}

// searchesLine is the line of a system file with the addresses that only search.
var searchesLine = regexp.MustCompile(`(?m)^reads_by_post: \[(.*)\]`)

// addSearches writes the searches that were found into the file of an application that is there already.
func (i *robotImport) addSearches() {
	name := "robots/" + i.plan.System + ".system.yaml"
	old, err := os.ReadFile(filepath.Join(i.dir, filepath.FromSlash(name)))
	if err != nil || len(i.searches) == 0 {
		return
	}
	var found []string
	for _, search := range i.searches {
		found = append(found, i.plan.SearchText(search))
	}
	list, text := strings.Join(found, ", "), string(old)
	if at := searchesLine.FindStringSubmatchIndex(text); at != nil {
		text = text[:at[3]] + ", " + list + text[at[3]:]
	} else {
		text = regexp.MustCompile(`(?m)^base:.*\n`).ReplaceAllStringFunc(text, func(base string) string {
			return base + "# guess: these addresses are posted to and only search\nreads_by_post: [" + list + "]\n"
		})
	}
	if system, problems := robots.ParseSystem(name, []byte(text)); problems.Err() == nil && system.ReadsByPost(i.searches[0].Address) {
		i.files[name], i.extended = []byte(text), name
		return
	}
	note := "write into " + name + ": reads_by_post: [" + list + "]"
	if !slices.Contains(i.notes, note) {
		i.notes = append(i.notes, note)
	}
}

// askSearches decides which forms that the fence has stopped only search. In the file of an application that is there already
// it would let them through for all its robots: without --widen that is nothing to guess.
func (i *robotImport) askSearches(posts []recording.Search) (again []recording.Search, err error) {
	widen, _ := i.c.Flags().GetBool("widen")
	file := "robots/" + i.plan.System + ".system.yaml"
	for _, post := range posts {
		guess := 1
		for _, a := range slices.Concat(i.plan.Steps, i.plan.After) {
			if seen := i.options.Seen.Steps[a.Step]; seen.FormPost == post.Address && a.Searches() && (post.Field == "" || seen.Sends == post.Sends) {
				guess = 0
			}
			if chosen := (recording.Target{Kind: "field", Text: post.Value}); i.options.Seen.Steps[a.Step].Type == "select" && slices.Contains(a.Targets, chosen) {
				guess = 0 // a choice that has the page come again
			}
		}
		what := post.Address
		if post.Field != "" {
			what += " (" + post.Field + ": " + post.Value + ")"
		}
		text := "A form is sent to " + what + ". Does that only search, and change nothing?"
		if i.plan.Extends {
			text += " If so, all robots of " + i.plan.System + " may send it, by " + file + "."
		}
		if i.plan.Extends && !widen {
			guess = 1
		}
		answer := guess
		if i.options.Ask != nil {
			if answer, err = i.options.Ask(recording.Question{Text: text,
				Answers: []string{"it only searches", "it may change something"}, Guess: guess}); err != nil {
				return nil, err
			}
		}
		if answer == 0 {
			again = append(again, post)
			continue
		}
		if note := "what is sent to " + what + " is stopped: " + file + " does not say that it only searches. If it does, import again with --widen, which lets all robots of " + i.plan.System + " send it"; i.plan.Extends && i.options.Ask == nil && !slices.Contains(i.notes, note) {
			i.notes = append(i.notes, note)
		}
	}
	return again, nil
}

// nowhere is a path that no application has: it overlaps with no address that only searches.
const nowhere = "/crosswalk-does-not-send-this"

var effectAddress = regexp.MustCompile(`effect: \{method: POST, url: .*\}`)

// lookOnce runs the robot as it is now.
func (i *robotImport) lookOnce(ctx context.Context) (*recording.Seen, error) {
	dir, err := os.MkdirTemp("", "crosswalk-import-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	files := i.files
	i.files = map[string][]byte{}
	for name, text := range files { // the commit's address is not known yet, and not needed: nothing is sent
		i.files[name] = effectAddress.ReplaceAll(text, []byte("effect: {method: POST, url: "+nowhere+"}"))
	}
	read, problems := i.compile(dir)
	i.files = files
	if problems.Err() != nil {
		return nil, fmt.Errorf("the robot has errors: %s", problems.Errors()[0].Message)
	}
	if _, err := robots.FindChromium(robots.Shell); err != nil {
		return nil, err
	}
	pool := robots.NewPool(robots.PoolOptions{Runs: 1})
	defer pool.Close()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	inputs, secrets := i.plan.Values()
	call := robots.Call{Base: i.plan.Base, Input: textsRecord(inputs), Secrets: map[string]contracts.Secret{}}
	for name, value := range secrets {
		call.Secrets[name] = contracts.NewSecret(value)
	}
	if err := i.logIn(read.System, call.Secrets); err != nil {
		return nil, err
	}
	w, _ := workspace.Load(i.dir)
	leases, forget, err := leasesHere(i.c, i.dir, w)
	if err != nil {
		return nil, err
	}
	defer forget()
	found := robots.NewRunner(pool, leases).Look(ctx, read.Program, call)
	seen := i.seen(found)
	seen.Problem = strings.ReplaceAll(seen.Problem, dir, i.dir)
	return seen, nil
}

// logIn adds the secrets of an application that is there already and whose login was not recorded again: those that
// crosswalk.yaml names. A log-in goes to the address of the application alone, whatever the recording says.
func (i *robotImport) logIn(system *robots.System, secrets map[string]contracts.Secret) error {
	driver, want := i.driver(), system.Base
	if driver != nil && driver.BaseURL != "" {
		want = driver.BaseURL
	}
	if !sameOrigin(want, i.plan.Base) {
		return fmt.Errorf("the log-in is that of %s, and the recording is of %s", want, i.plan.Base)
	}
	missing := slices.ContainsFunc(system.Secrets, func(name string) bool { return secrets[name].IsZero() })
	if !missing {
		return nil
	}
	if driver == nil {
		return fmt.Errorf("no system of crosswalk.yaml has the driver robot: %s, which would give its log-in", i.plan.System)
	}
	known, err := driver.ResolveSecrets()
	if err != nil {
		return noSecret{err}
	}
	for name, secret := range known {
		if secrets[name].IsZero() {
			secrets[name] = secret
		}
	}
	return nil
}

// noSecret says that a secret of the log-in is not where crosswalk.yaml says.
type noSecret struct{ error }

func (e noSecret) Unwrap() error { return e.error }

// sameOrigin says whether two addresses are of one scheme, host and port.
func sameOrigin(a, b string) bool {
	one, failed := url.Parse(a)
	other, err := url.Parse(b)
	return failed == nil && err == nil && one.Host != "" && strings.EqualFold(one.Scheme, other.Scheme) && strings.EqualFold(hostPort(one), hostPort(other))
}

// hostPort is the host of an address with its port, also if that is the usual one.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// driver is that of the application in crosswalk.yaml, if it has one.
func (i *robotImport) driver() *workspace.Driver {
	w, _ := workspace.Load(i.dir)
	if w == nil || w.Reach == nil || w.Config == nil { // the folder is not there yet, or has no crosswalk.yaml
		return nil
	}
	for _, system := range w.Config.Systems {
		for _, driver := range system.Drivers {
			if driver.Kind == workspace.ByRobot && driver.Name == i.plan.System {
				return driver
			}
		}
	}
	return nil
}

func textsRecord(texts map[string]string) rules.Value {
	fields := map[string]rules.Value{}
	for name, text := range texts {
		fields[name] = rules.Text(text)
	}
	return rules.Record(fields)
}

// seen makes what a look has shown into what a plan takes.
func (i *robotImport) seen(found robots.LookedAt) *recording.Seen {
	s := &recording.Seen{Steps: map[int]recording.StepSeen{}}
	before := i.options.Seen
	if found.Err != nil {
		s.Problem = found.Err.Error()
	}
	actions := map[int]recording.Action{}
	for _, a := range slices.Concat(i.plan.Login, i.plan.Steps, i.plan.After) {
		actions[a.Step] = a
	}
	if i.plan.Commit != nil {
		actions[i.plan.Commit.Step] = *i.plan.Commit
	}
	for place, look := range found.Steps {
		file, line, _ := cutLast(place, ":")
		number, _ := strconv.Atoi(line)
		ofSystem := strings.HasSuffix(file, ".system.yaml")
		a, known := actions[i.plan.StepAt(ofSystem, number)]
		if !known || ofSystem && i.plan.Extends { // a file that is there already has its own lines
			continue
		}
		step := recording.StepSeen{}
		if look.Frame != "" && strings.Contains(a.Frame, "[") {
			step.Frame = look.Frame
		}
		voices, left := before.Voices(a)
		for n, voice := range look.Voices {
			switch {
			case n >= len(voices):
			case voice.Count == 0:
				step.Silent = append(step.Silent, voices[n])
			case voice.Count > 1:
				step.Several = append(step.Several, voices[n])
			default:
				step.Type, step.FormPost, step.Sends, step.Names, step.Column = voice.Type, voice.Post, recording.Sends(voice.Sends), nil, voice.Column
				for _, name := range voice.Names {
					step.Names = append(step.Names, recording.Target{Kind: name.Kind, Text: name.Text})
				}
			}
		}
		step.Silent = append(step.Silent, left...)
		s.Steps[a.Step] = step
	}
	for _, a := range i.plan.Login {
		if i.plan.Extends && before != nil { // it was seen before it was known as the login, and is not done again
			s.Steps[a.Step] = before.Steps[a.Step]
		}
	}
	for _, page := range slices.Concat(found.Pages, found.Start) {
		if page.Logout != nil && s.Logout == nil {
			s.Logout, s.LogoutFrame = &recording.Target{Kind: page.Logout.Kind, Text: page.Logout.Text}, page.Frame
		}
	}
	for _, page := range found.Pages {
		if found.Err != nil {
			continue // it is not the last page
		}
		for _, table := range page.Tables {
			s.Tables = append(s.Tables, recording.Table{Frame: page.Frame, Headings: table.Headings, Rows: table.Rows, Count: table.Count})
		}
		for _, label := range page.Labels {
			s.Labels = append(s.Labels, recording.Label{Frame: page.Frame, Text: label})
		}
	}
	slices.SortStableFunc(s.Tables, func(a, b recording.Table) int { return b.Count*len(b.Headings) - a.Count*len(a.Headings) })
	for _, post := range found.Posts {
		if u, err := url.Parse(post.Address); err == nil && i.plan.Base == u.Scheme+"://"+u.Host {
			if search := (recording.Search{Address: u.Path, Sends: i.tells(post.Form, s)}); !slices.Contains(s.Posts, search) {
				s.Posts = append(s.Posts, search)
			}
		}
	}
	return s
}

// tells is what tells a form apart from what a commit sends to the same address: its button, or what WebForms and JSF say of where
// it comes from.
func (i *robotImport) tells(form url.Values, seen *recording.Seen) recording.Sends {
	if i.plan.Commit == nil {
		return recording.Sends{}
	}
	for _, field := range []string{"__EVENTTARGET", "javax.faces.source", "jakarta.faces.source"} {
		if value := form.Get(field); value != "" {
			return recording.Sends{Field: field, Value: value}
		}
	}
	for _, a := range i.plan.Steps {
		if sends := seen.Steps[a.Step].Sends; sends.Field != "" && slices.Equal(form[sends.Field], []string{sends.Value}) {
			return sends
		}
	}
	return recording.Sends{}
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

// picturePath is where a picture of a step goes.
func picturePath(dir string, number int, words string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(words))
	if len(name) > 40 {
		name = name[:40]
	}
	return filepath.Join(dir, fmt.Sprintf("%02d-%s.jpg", number, strings.Trim(name, "-")))
}
