package robots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// headingAt is a place of the file that names a heading of a table: a key of columns, or a text.
type headingAt struct {
	heading string
	node    *source.Node
	key     bool
}

// headingWords is a heading as changes and questions name it.
func headingWords(heading string) string { return fmt.Sprintf("heading %q", heading) }

// chosenHeading is the step with the heading that a person chose in the place of the one that was not there, and both; the step
// itself if nobody did.
func (u *run) chosenHeading(s *step) (_ *step, was, is string) {
	help := u.call.Help
	var choice map[string]string
	if help.Target == "" || help.Step != s.place || help.Hash != u.program.Hash || json.Unmarshal([]byte(help.Target), &choice) != nil || len(choice) != 2 {
		return s, "", ""
	}
	was, is = choice[choiceFor], choice["heading"]
	if is == "" || !slices.Contains(s.table.headers, was) || slices.Contains(s.table.headers, is) {
		return s, "", ""
	}
	named := func(heading string) string {
		if heading == was {
			return is
		}
		return heading
	}
	changed, table := *s, *s.table
	changed.table, table.headers, table.wrapped = &table, renamed(table.headers, was, is), named(table.wrapped)
	if table.open != nil {
		open := *table.open
		table.open, open.column = &open, named(open.column)
	}
	return &changed, was, is
}

func renamed(texts []string, was, is string) []string {
	texts = slices.Clone(texts)
	for i := range texts {
		if texts[i] == was {
			texts[i] = is
		}
	}
	return texts
}

// proposeHeading proposes the heading that a person chose, with the page on which its column was read.
func (u *run) proposeHeading(ctx context.Context, s *step, f frame, was, is string) {
	if u.known == nil {
		return
	}
	becomes, _ := json.Marshal(map[string]string{"heading": is}) // texts only
	u.propose(Change{Kind: ChangeHeading, Place: s.place, Words: headingWords(was), Becomes: string(becomes), Reason: "a person chose it", Page: u.skeleton(ctx, f, []string{is})})
}

// offerHeadings adds to an error the headings that may be meant by the one which a table lacks: those that the step does not
// name, with nothing under them but what the step wants to read.
func (u *run) offerHeadings(ctx context.Context, s *step, place *spec, err error) error {
	var known *contracts.Error
	if u.sent || u.armed || !errors.As(err, &known) || known.Class != contracts.Drift || u.tab.ctx.Err() != nil || !known.Ask.IsMissing() {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), offerTime)
	defer cancel()
	var answer struct {
		Status  string
		Missing string
		Columns []struct {
			Heading string
			Values  []string
		}
	}
	if _, failed := u.tab.askOnce(ctx, "headings", place.frame, map[string]any{"headers": s.table.headers, "within": place.In, "wrapped": place.wrapped}, &answer); failed != nil {
		return err
	}
	var candidates []rules.Value
	hide := hider(u.unseen())
	for _, column := range answer.Columns {
		if len(candidates) == mostLabels || hide != nil && hide.Replace(column.Heading) != column.Heading || !s.table.mayHold(answer.Missing, column.Values, u.system.formats) {
			continue
		}
		target, _ := json.Marshal(map[string]string{"heading": column.Heading, choiceFor: answer.Missing}) // texts only
		candidates = append(candidates, rules.Record(map[string]rules.Value{"says": rules.Text(column.Heading), "target": rules.Text(string(target))}))
	}
	if len(candidates) == 0 {
		return err
	}
	offered := *known
	offered.Ask = rules.Record(map[string]rules.Value{
		"kind": rules.Text("choose"), "title": rules.Text("Which heading has the column now that was read under " + headingWords(answer.Missing) + "?"), "step": rules.Text(s.place), "hash": rules.Text(u.program.Hash),
		"expected": rules.Text(headingWords(answer.Missing)), "candidates": rules.List(candidates...),
	})
	return &offered
}

// mayHold says whether all values of a column are such as the step reads under a heading, and one of them at least is there.
func (t *tableStep) mayHold(heading string, values []string, f formats) bool {
	at := slices.Index(t.headers, heading)
	if at < 0 || at >= len(t.columns) { // a heading that is only looked for, or has the link
		return true
	}
	some := false
	for _, text := range values {
		value, err := t.columns[at].value(text, f)
		if err != nil {
			return false
		}
		some = some || !value.IsMissing()
	}
	return some || len(values) == 0
}

// renamedHeading writes another heading in the place of one wherever the step names it.
func renamedHeading(file string, text []byte, s *step, c Change) ([]byte, error) {
	is := c.heading()
	if is == "" {
		return nil, errors.New("the change does not name one heading")
	}
	if err := writable(map[string]string{"text": is}); err != nil {
		return nil, err
	}
	if slices.Contains(s.table.headers, is) {
		return nil, fmt.Errorf("%s: the step reads another column under %q", s.place, is)
	}
	var places []headingAt
	for _, place := range s.table.named {
		if headingWords(place.heading) == c.Words {
			places = append(places, place)
		}
	}
	slices.SortFunc(places, func(a, b headingAt) int { // from the end: what is before a change stays where it was
		aRow, aColumn := a.node.Position()
		bRow, bColumn := b.node.Position()
		return 10000*(bRow-aRow) + bColumn - aColumn
	})
	for _, place := range places {
		changed, err := rewritten(file, text, place.node, is, func(before, after *source.Node) bool {
			if place.key {
				return onlyRenamed(before, after, place.node.Path(), is)
			}
			return onlyDiffers(before, after, place.node.Path(), source.Parse(file, []byte(quoted(is))).Root)
		})
		if err != nil {
			return nil, err
		}
		text = changed
	}
	return text, nil
}

// rewritten puts another text in the place of one that a file holds, as a key or a value, and looks whether the file is right then.
func rewritten(file string, text []byte, node *source.Node, becomes string, right func(before, after *source.Node) bool) ([]byte, error) {
	row, column := node.Position()
	lines := strings.SplitAfter(string(text), "\n")
	if row < 1 || row > len(lines) {
		return nil, fmt.Errorf("%s: %q was not found", file, node.Text())
	}
	line := []rune(lines[row-1])
	head, rest := string(line[:min(column-1, len(line))]), string(line[min(column-1, len(line)):])
	for _, form := range []string{node.Text(), "'" + strings.ReplaceAll(node.Text(), "'", "''") + "'", `"` + node.Text() + `"`} {
		after, is := strings.CutPrefix(rest, form)
		if !is {
			continue
		}
		lines[row-1] = head + quoted(becomes) + after
		changed := []byte(strings.Join(lines, ""))
		if right(source.Parse(file, text).Root, source.Parse(file, changed).Root) {
			return changed, nil
		}
	}
	return nil, fmt.Errorf("%s:%d: %q cannot be changed here by itself: write %s by hand", file, row, node.Text(), quoted(becomes))
}

// heading is the one that a change gives to a column, or empty.
func (c Change) heading() string {
	var becomes map[string]string
	if json.Unmarshal([]byte(c.Becomes), &becomes) != nil || len(becomes) != 1 {
		return ""
	}
	return becomes["heading"]
}

// changedTable is the step at the place of a change that reads a table with the heading it is about.
func (p *Program) changedTable(c Change) (*step, error) {
	place := p.place(c)
	for _, steps := range p.lists() {
		at := tableAt(steps, place)
		if at != nil && slices.ContainsFunc(at.table.named, func(at headingAt) bool { return headingWords(at.heading) == c.Words }) {
			return at, nil
		}
	}
	return nil, fmt.Errorf("%s: here is no step with this heading any more: change the file by hand", either(place, c.Place))
}

func tableAt(steps []step, place string) *step {
	for i := range steps {
		s := &steps[i]
		if s.table != nil && s.place == place {
			return s
		}
		inner := s.do
		if s.table != nil && s.table.open != nil {
			inner = s.table.open.do
		}
		if found := tableAt(inner, place); found != nil {
			return found
		}
	}
	return nil
}

// compareHeadings is the question to a page in how many tables the headings of a step stand, before and after a change.
func compareHeadings(before, after *Program, change Change) (function string, argument map[string]any, err error) {
	was, err := before.changedTable(change)
	if err != nil {
		return "", nil, err
	}
	change.Words = headingWords(change.heading())
	is, err := after.changedTable(change)
	if err != nil {
		return "", nil, errors.New("the step is not there any more")
	}
	return "compareHeadings", map[string]any{"before": was.table.headers, "after": is.table.headers}, nil
}
