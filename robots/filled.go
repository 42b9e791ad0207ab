package robots

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// filledField is a field that the robot has filled in, as it is when the commit comes.
type filledField struct {
	Element string `json:"element"`
	Name    string `json:"name"`
	Value   string `json:"value"` // what was put in
	Held    string `json:"held"`
	Sends   string `json:"sends"` // what the form sends of it
	Later   bool   `json:"later"` // the robot has clicked since, so that the page may have emptied it
	Form    int    `json:"form"`  // of the document; -1: none
	Twin    string `json:"twin"`  // what a field of the same name holds that nobody sees
	frame   int
}

// filled looks, right before the commit, whether the fields hold what was put in. What is still there is what the request has
// to hold.
func (u *run) filled(ctx context.Context) (all []filledField, err error) {
	for i, f := range u.tab.allFrames() {
		if f.left {
			continue
		}
		var answer struct{ Fields []filledField }
		if err := u.tab.call(ctx, f, "filled", nil, &answer); contextLost(err) {
			continue // it is another document by now
		} else if err != nil {
			return nil, err
		}
		for _, field := range answer.Fields {
			if field.Held == "" && field.Value != "" && field.Later {
				continue // a line was added, say, and the field is empty for the next one
			}
			switch {
			case !u.system.formats.same(field.Value, field.Held):
				return nil, contracts.NewError(contracts.Drift, "", "%s: %s holds %q and not what was put in, %q; nothing was sent", u.program.write.place, field.Element, field.Held, field.Value)
			case field.Twin != "":
				return nil, contracts.NewError(contracts.Drift, "", "%s: the form sends %q as %s too, in a field that nobody sees; nothing was sent", u.program.write.place, field.Twin, field.Element)
			}
			field.frame = i
			all = append(all, field)
		}
	}
	return all, nil
}

// same says whether a field holds what was put in, maybe as the application writes it: a number or a date in its format,
// other case and punctuation, or with an explanation behind it.
func (f formats) same(put, held string) bool {
	put, held = strings.Join(strings.Fields(put), " "), strings.Join(strings.Fields(held), " ")
	if put == held || put != "" && strings.HasPrefix(held, put+" ") {
		return true
	}
	var readings []rules.Value
	if plain, err := rules.ParseNum(put); err == nil {
		readings = append(readings, rules.Number(plain))
	}
	if local, err := f.number(put); err == nil {
		readings = append(readings, local)
	}
	if len(readings) > 0 {
		number, err := f.number(strings.TrimSpace(currency.ReplaceAllString(held, "")))
		return err == nil && slices.ContainsFunc(readings, number.Equal)
	}
	if day, err := f.date(put); err == nil {
		is, err := f.date(held)
		return err == nil && is.Equal(day)
	}
	return lettersAndDigits(put) == lettersAndDigits(held) && lettersAndDigits(put) != ""
}

func lettersAndDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// holdsOther names the first field that a request does not hold as the page did. Of a request that holds none of a form's
// fields by their names nothing can be said: the page's own script has made it.
func (a *armed) holdsOther(r request, query url.Values) string {
	present := map[[2]int]bool{}
	for _, field := range a.filled {
		form := [2]int{field.frame, field.Form}
		present[form] = present[form] || r.form.Has(field.Name)
	}
	for _, field := range a.filled {
		if field.Name == "" || field.Form < 0 || !present[[2]int{field.frame, field.Form}] {
			continue
		}
		if !slices.ContainsFunc(append(slices.Clone(r.form[field.Name]), query[field.Name]...), func(value string) bool { return a.formats.same(field.Sends, value) }) {
			return field.Name
		}
	}
	return ""
}

// byGet says whether a page that is opened is the form of the commit, sent by GET.
func (a *armed) byGet(r request, query url.Values) bool {
	if !r.document || a.taken || a.rule.method == "GET" || r.method != "GET" && r.method != "HEAD" {
		return false
	}
	declared := len(a.rule.form) > 0
	for name, values := range a.rule.form {
		declared = declared && slices.Equal(query[name], values)
	}
	return declared || slices.ContainsFunc(a.filled, func(field filledField) bool {
		return field.Name != "" && field.Sends != "" && slices.Contains(query[field.Name], field.Sends)
	})
}

// landed says where a click went that did not land on its element.
func (t *tab) landed(ctx context.Context, f frame, at found) error {
	var answer struct{ Strayed string }
	if err := t.call(ctx, f, "landed", nil, &answer); err != nil && !contextLost(err) {
		return err
	}
	if answer.Strayed != "" {
		return contracts.NewError(contracts.Drift, "", "the page put %s in the place of %s when it was about to be clicked; the click was stopped", answer.Strayed, at.Element)
	}
	return nil
}

// grown adds to what makes acting at a place another thing what only a write must not pass over: the element of the commit is
// called otherwise, or another field is called now as this one was.
func (u *run) grown(ctx context.Context, f frame, known, now Print, grave []string) []string {
	differs := func(before, after string) string {
		if before == after || before == anything || after == anything {
			return ""
		}
		return before
	}
	name, label := differs(known.Name, now.Name), differs(known.Label, now.Label)
	switch {
	case name == "" && label == "":
		return grave
	case u.committing:
		return append(grave, fmt.Sprintf("what is to send it was %s, and is %s", said(known), said(now)))
	}
	var answer struct{ Element string }
	if u.tab.call(ctx, f, "elsewhere", map[string]string{"name": name, "label": label}, &answer) == nil && answer.Element != "" {
		grave = append(grave, fmt.Sprintf("it was %s and is %s, and another is called so now: %s", said(known), said(now), answer.Element))
	}
	return grave
}

func said(p Print) string { return fmt.Sprintf("%q (%s)", p.Label, p.Name) }
