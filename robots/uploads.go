package robots

import (
	"context"
	"encoding/base64"
	"html"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/contracts"
)

// handedFile is a file that the robot has given to a page, as the fence looks for it in requests.
type handedFile struct {
	name, body, coded string // what it holds, and that in base64
	went              departure
}

// departure says how a file has left its page.
type departure int

const (
	stays    departure = iota
	byScript           // a script has sent it, and the page goes on
	byPage             // a form has sent it, and another page comes
)

// watches has the fence look for a file from now on.
func (f *fence) watches(file handedFile) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.files = append(slices.DeleteFunc(f.files, func(known *handedFile) bool { return known.name == file.name }), &file)
}

// passes notes which files a request has carried that was let through before the commit.
func (f *fence) passes(r request) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	went := byScript
	if r.document {
		went = byPage
	}
	raw := r.raw // a script that sends nothing but bytes does not say of which file
	for _, file := range slices.Backward(f.files) {
		if file.in(r) || raw && file.went == stays {
			raw = raw && file.in(r)
			file.went = max(file.went, went)
		}
	}
}

// departed says how all files of a field have left; stays, if one has not.
func (f *fence) departed(names string) departure {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.leastDeparted(names)
}

func (f *fence) leastDeparted(names string) departure {
	least := byPage
	for _, name := range strings.Split(names, "\n") {
		for _, file := range f.files {
			if file.name == name {
				least = min(least, file.went)
			}
		}
	}
	return least
}

// lacks names a file that the request of the commit has to carry and does not. Of a body that cannot be read nothing can be said,
// nor of a script's request that holds nothing of the file's form. The caller holds the mutex.
func (f *fence) lacks(r request, has func(name string) bool) string {
	for _, field := range f.armed.filled {
		if field.Kind != "file" || !field.Must || r.unread || f.leastDeparted(field.Value) != stays {
			continue
		}
		beside := slices.ContainsFunc(f.armed.filled, func(other filledField) bool {
			return other.document == field.document && other.Form == field.Form && has(other.Name)
		})
		if !beside && (!r.document || r.method == "GET") {
			continue
		}
		for _, name := range strings.Split(field.Value, "\n") {
			if !slices.ContainsFunc(f.files, func(file *handedFile) bool { return file.name == name && file.in(r) }) {
				return name
			}
		}
	}
	return ""
}

// fewestBytes has a file that it can be known by what it holds: less may stand in any field.
const fewestBytes = 6

// in says whether a request carries the file: as one, or as text.
func (h *handedFile) in(r request) bool {
	if slices.ContainsFunc(r.files, func(sent string) bool { return sameFileName(sent, h.name) }) {
		return true
	}
	whole := func(text string) bool {
		return text != "" && strings.ReplaceAll(text, "\r\n", "\n") == strings.ReplaceAll(h.body, "\r\n", "\n")
	}
	if len(h.body) < fewestBytes {
		return whole(r.text)
	}
	for _, values := range r.form {
		if slices.ContainsFunc(values, func(value string) bool { return whole(value) || strings.Contains(value, h.coded) }) {
			return true
		}
	}
	return whole(r.text) || strings.Contains(r.text, h.coded)
}

// sameFileName compares a name as a form writes it. What its characters do not have is a reference, and of those that are not
// UTF-8 only the ASCII ones are known.
func sameFileName(sent, name string) bool {
	unquoted := strings.NewReplacer("%22", `"`, "%0D", "\r", "%0A", "\n").Replace(sent)
	if sent == name || unquoted == name || html.UnescapeString(unquoted) == name {
		return true
	}
	plain := func(text string) string {
		return strings.Map(func(r rune) rune {
			if r < utf8.RuneSelf {
				return r
			}
			return -1
		}, text)
	}
	return !utf8.ValidString(sent) && plain(unquoted) == plain(name)
}

// fileHeld says what is wrong with a field for files right before the commit, and whether the request has to carry its file.
func (u *run) fileHeld(field filledField) (carries bool, err error) {
	switch {
	case field.Any || u.tab.options.fence.departed(field.Value) != stays:
		return false, nil
	case !field.Gone && field.Held == field.Value || field.Taken: // the page shows its name, and may keep it in its own way
		return true, nil
	}
	return false, u.fileLost(field)
}

func (u *run) fileLost(field filledField) error {
	return contracts.NewError(contracts.Drift, "", "%s: %s does not hold the file %q any more, and not what was put in is there now; nothing was sent. If the page rightly takes it over by itself, add becomes: any to the upload", u.program.write.place, field.Element, strings.ReplaceAll(field.Value, "\n", ", "))
}

// hand gives a file to the one field that the target means, and looks whether the field has taken it. A field for several files
// keeps those that the robot has given it before.
func (u *run) hand(ctx context.Context, s *step, target *spec, path, name string, body []byte) (string, error) {
	var at found
	f, err := u.tab.ask(ctx, "settle", target, map[string]any{"want": "file", "writes": u.program.write != nil}, &at)
	if err != nil {
		return "", err
	}
	object, err := u.tab.heldObject(ctx, f)
	if err != nil {
		return at.Element, err
	}
	paths, names := []string{path}, []string{name}
	if field := at.Field; field != nil {
		defer u.ownDoing()
		if at.Multiple {
			for _, before := range u.filledIn {
				if before.ID == field.ID && before.frame == f.id && before.generation == f.generation && before.Value == field.Held && u.tab.options.fence.departed(before.Value) == stays {
					paths, names = append(slices.Clone(before.paths), path), append(strings.Split(before.Value, "\n"), name)
				}
			}
		}
		put := *field
		put.Value, put.Sends, put.Any = strings.Join(names, "\n"), strings.Join(names, "\n"), s.becomesAny
		if err := u.puts(ctx, f, put); err != nil {
			return at.Element, err
		}
		if n := len(u.filledIn); n > 0 {
			u.filledIn[n-1].paths = paths
		}
		u.tab.options.fence.watches(handedFile{name: name, body: string(body), coded: strings.TrimRight(base64.StdEncoding.EncodeToString(body), "=")})
		u.tab.holding(f, true)
	}
	if err := u.tab.call(ctx, f, "choosing", map[string]any{"value": strings.Join(names, "\n"), "acts": u.tab.counted(), "any": s.becomesAny}, nil); err != nil {
		return at.Element, err
	}
	u.tab.acted.Store(true)
	if err := (proto.DOMSetFileInputFiles{Files: paths, ObjectID: object}).Call(u.tab.on(ctx, f.session)); err != nil {
		return at.Element, err
	}
	var took struct{ Names []string }
	if err := u.tab.call(ctx, f, "chosen", nil, &took); err != nil && !contextLost(err) {
		return at.Element, err
	} else if err == nil && took.Names != nil && !slices.Equal(took.Names, names) {
		return at.Element, contracts.NewError(contracts.Drift, "", "%s did not take the file", target.words)
	}
	return at.Element, u.tab.after(ctx, f)
}
