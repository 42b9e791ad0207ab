package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/robots/recording"
	"crosswalk/rules"
)

// lookTime bounds the look at the pages of a recording.
const lookTime = 90 * time.Second

// look opens the pages of the recording once, with what was typed in it, and completes the plan by what they show. What
// keeps it from doing so is a note and no error: the robot is then made of the recording alone.
func (i *robotImport) look(ctx context.Context) error {
	for round := 0; round < 3; round++ {
		seen, err := i.lookOnce(ctx)
		if err != nil {
			i.notes = append(i.notes, fmt.Sprintf("the pages were not looked at: %s", err))
			return nil
		}
		posts := slices.DeleteFunc(seen.Posts, func(post string) bool { return slices.Contains(i.plan.Searches, post) })
		i.options.Seen = seen
		searches, login := i.plan.Searches, len(i.plan.Login)
		again, err := i.askSearches(posts)
		if err != nil {
			return err
		}
		i.searches = append(searches, again...)
		if err := i.planned(); err != nil {
			return err
		}
		if len(again) == 0 && len(i.plan.Login) == login { // a login that the page has shown to be one is gone through now
			if seen.Problem != "" {
				i.notes = append(i.notes, "the look at the pages ended early: "+seen.Problem)
			}
			return nil
		}
	}
	return nil
}

// askSearches decides which forms that the fence has stopped only search.
func (i *robotImport) askSearches(posts []string) (again []string, err error) {
	for _, post := range posts {
		guess := 1
		for _, a := range slices.Concat(i.plan.Steps, i.plan.After) {
			if i.options.Seen.Steps[a.Step].FormPost == post && a.Searches() {
				guess = 0
			}
		}
		answer := guess
		if i.options.Ask != nil {
			if answer, err = i.options.Ask(recording.Question{Text: "A form is sent to " + post + ". Does that only search, and change nothing?",
				Answers: []string{"it only searches", "it may change something"}, Guess: guess}); err != nil {
				return nil, err
			}
		}
		if answer == 0 {
			again = append(again, post)
		}
	}
	return again, nil
}

// nowhere is a path that no application has: it overlaps with no address that only searches.
const nowhere = "/crosswalk-does-not-send-this"

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
		i.files[name] = bytes.Replace(text, []byte("effect: {method: POST, url: '*'}"), []byte("effect: {method: POST, url: '"+nowhere+"'}"), 1)
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
	for _, name := range read.System.Secrets { // of an application that is there already
		if call.Secrets[name].IsZero() {
			call.Secrets[name] = contracts.NewSecret("?")
		}
	}
	found := robots.NewRunner(pool, nil).Look(ctx, read.Program, call)
	return i.seen(found), nil
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
	for place, look := range found.Steps {
		file, line, _ := cutLast(place, ":")
		number, _ := strconv.Atoi(line)
		a, known := actions[i.plan.StepAt(strings.HasSuffix(file, ".system.yaml"), number)]
		if !known {
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
				step.Type, step.FormPost = voice.Type, voice.Post
			}
		}
		step.Silent = append(step.Silent, left...)
		s.Steps[a.Step] = step
	}
	for _, page := range found.Pages {
		for _, table := range page.Tables {
			s.Tables = append(s.Tables, recording.Table{Frame: page.Frame, Headings: table.Headings, Rows: table.Rows, Count: table.Count})
		}
		if page.Logout != nil && s.Logout == nil {
			s.Logout, s.LogoutFrame = &recording.Target{Kind: page.Logout.Kind, Text: page.Logout.Text}, page.Frame
		}
	}
	slices.SortStableFunc(s.Tables, func(a, b recording.Table) int { return b.Count*len(b.Headings) - a.Count*len(a.Headings) })
	for _, stopped := range found.Stopped {
		if address, post := strings.CutPrefix(stopped, "POST "); post {
			address, _, _ = strings.Cut(strings.TrimPrefix(address, `"`), `"`)
			if u, err := url.Parse(address); err == nil && i.plan.Base == u.Scheme+"://"+u.Host && !slices.Contains(s.Posts, u.Path) {
				s.Posts = append(s.Posts, u.Path)
			}
		}
	}
	return s
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
