package robots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

// rename is a heading with the one that stands in its place.
type rename struct{ was, is string }

// renames are all that a choice or a change says, in the order of the table.
type renames []rename

func (all renames) of(heading string) string {
	for _, one := range all {
		if one.was == heading {
			return one.is
		}
	}
	return heading
}

// back names a heading as the file does.
func (all renames) back(heading string) string {
	for _, one := range all {
		if one.is == heading {
			return one.was
		}
	}
	return heading
}

// words name the headings in changes and questions.
func (all renames) words() string {
	if len(all) == 1 {
		return headingWords(all[0].was)
	}
	var each []string
	for _, one := range all {
		each = append(each, strconv.Quote(one.was))
	}
	last := len(each) - 1
	return "headings " + strings.Join(each[:last], ", ") + " and " + each[last]
}

// headingWords is a heading as changes and questions name it.
func headingWords(heading string) string { return fmt.Sprintf("heading %q", heading) }

// parts of a text that names several headings, which hold no line breaks.
func (all renames) joined() (was, is string) {
	for i, one := range all {
		if i > 0 {
			was, is = was+"\n", is+"\n"
		}
		was, is = was+one.was, is+one.is
	}
	return was, is
}

func splitRenames(was, is string) (all renames) {
	before, after := strings.Split(was, "\n"), strings.Split(is, "\n")
	if len(before) != len(after) || was == "" || is == "" {
		return nil
	}
	for i := range before {
		all = append(all, rename{before[i], after[i]})
	}
	return all
}

// renames says whether a step can be read so: with other headings in the place of some of its own, each once.
func (t *tableStep) renames(all renames) bool {
	for i, one := range all {
		again := slices.ContainsFunc(all[:i], func(before rename) bool { return before.was == one.was || before.is == one.is })
		if again || one.is == "" || !slices.Contains(t.headers, one.was) || slices.Contains(t.headers, one.is) {
			return false
		}
	}
	return len(all) > 0
}

// chosenHeadings is the step with the headings that a person chose in the place of those that were not there, and what they are
// for; the step itself if nobody did.
func (u *run) chosenHeadings(s *step) (*step, renames) {
	help := u.call.Help
	var choice map[string]string
	if help.Target == "" || help.Step != s.place || help.Hash != u.program.Hash || json.Unmarshal([]byte(help.Target), &choice) != nil || len(choice) != 2 {
		return s, nil
	}
	all := splitRenames(choice[choiceFor], choice["heading"])
	if !s.table.renames(all) {
		return s, nil
	}
	changed, table := *s, *s.table
	changed.table, table.headers, table.wrapped = &table, mapped(table.headers, all.of), all.of(table.wrapped)
	if table.open != nil {
		open := *table.open
		table.open, open.column = &open, all.of(open.column)
	}
	return &changed, all
}

func mapped(texts []string, by func(string) string) []string {
	texts = slices.Clone(texts)
	for i := range texts {
		texts[i] = by(texts[i])
	}
	return texts
}

// proposeHeadings proposes the headings that a person chose, with the page on which their columns were read.
func (u *run) proposeHeadings(ctx context.Context, s *step, f frame, all renames) {
	if u.known == nil {
		return
	}
	was, is := all.joined()
	change := map[string]string{"heading": is}
	if len(all) > 1 {
		change[choiceFor] = was
	}
	becomes, _ := json.Marshal(change) // texts only
	u.propose(Change{Kind: ChangeHeading, Place: s.place, Words: all.words(), Becomes: string(becomes), Reason: "a person chose it", Page: u.skeleton(ctx, f, strings.Split(is, "\n"))})
}

// columnNow is a column that may be meant by a heading which is not there.
type columnNow struct {
	Heading string
	Values  []string
}

// offerHeadings adds to an error the headings that may be meant by those, three at most, which a table lacks: those that the step does
// not name, with nothing under them but what the step wants to read.
func (u *run) offerHeadings(ctx context.Context, s *step, place *spec, err error) error {
	var known *contracts.Error
	if u.sent || u.armed || !errors.As(err, &known) || known.Class != contracts.Drift || u.tab.ctx.Err() != nil || !known.Ask.IsMissing() {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), offerTime)
	defer cancel()
	var answer struct {
		Status  string
		Missing []string
		Columns []columnNow
	}
	if _, failed := u.tab.askOnce(ctx, "headings", place.frame, map[string]any{"headers": s.table.headers, "within": place.In, "wrapped": place.wrapped}, &answer); failed != nil || len(answer.Missing) == 0 {
		return err
	}
	hide := hider(u.unseen())
	columns := slices.DeleteFunc(answer.Columns, func(column columnNow) bool { return hide != nil && hide.Replace(column.Heading) != column.Heading })
	choices := s.table.meant(answer.Missing, columns, u.system.formats)
	if len(answer.Missing) > 1 && len(choices) > mostLabels {
		return err // not all of them would be offered
	}
	var candidates []rules.Value
	for _, choice := range choices[:min(len(choices), mostLabels)] {
		was, is := choice.joined()
		says := is
		if len(choice) > 1 {
			var each []string
			for _, one := range choice {
				each = append(each, one.is+" for "+one.was)
			}
			says = strings.Join(each, ", ")
		}
		target, _ := json.Marshal(map[string]string{"heading": is, choiceFor: was}) // texts only
		candidates = append(candidates, rules.Record(map[string]rules.Value{"says": rules.Text(says), "target": rules.Text(string(target))}))
	}
	if len(candidates) == 0 {
		return err
	}
	title := "Which heading has the column now that was read under " + choices[0].words() + "?"
	if len(answer.Missing) > 1 {
		title = "Which headings have the columns now that were read under the " + choices[0].words() + "?"
	}
	offered := *known
	offered.Ask = rules.Record(map[string]rules.Value{
		"kind": rules.Text("choose"), "title": rules.Text(title), "step": rules.Text(s.place), "hash": rules.Text(u.program.Hash),
		"expected": rules.Text(choices[0].words()), "candidates": rules.List(candidates...),
	})
	return &offered
}

// meant are the ways in which columns may stand for the headings that are missing.
func (t *tableStep) meant(missing []string, columns []columnNow, f formats) (all []renames) {
	for _, column := range columns {
		if !t.mayHold(missing[0], column.Values, f) {
			continue
		}
		one := rename{missing[0], column.Heading}
		if len(missing) == 1 {
			all = append(all, renames{one})
			continue
		}
		others := slices.DeleteFunc(slices.Clone(columns), func(other columnNow) bool { return other.Heading == column.Heading })
		for _, rest := range t.meant(missing[1:], others, f) {
			all = append(all, append(renames{one}, rest...))
		}
	}
	return all
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

// renamedHeading writes other headings in the place of those of a change wherever the step names them.
func renamedHeading(file string, text []byte, s *step, c Change) ([]byte, error) {
	all := c.renames(s.table)
	if all == nil {
		return nil, errors.New("the change does not name headings")
	}
	type placeOf struct {
		headingAt
		is string
	}
	var places []placeOf
	for _, one := range all {
		if err := writable(map[string]string{"text": one.is}); err != nil {
			return nil, err
		}
		if slices.Contains(s.table.headers, one.is) {
			return nil, fmt.Errorf("%s: the step reads another column under %q", s.place, one.is)
		}
		for _, place := range s.table.named {
			if place.heading == one.was {
				places = append(places, placeOf{place, one.is})
			}
		}
	}
	slices.SortFunc(places, func(a, b placeOf) int { // from the end: what is before a change stays where it was
		aRow, aColumn := a.node.Position()
		bRow, bColumn := b.node.Position()
		return 10000*(bRow-aRow) + bColumn - aColumn
	})
	for _, place := range places {
		changed, err := rewritten(file, text, place.node, place.is, func(before, after *source.Node) bool {
			if place.key {
				return onlyRenamed(before, after, place.node.Path(), place.is)
			}
			return onlyDiffers(before, after, place.node.Path(), source.Parse(file, []byte(quoted(place.is))).Root)
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

// renames are the headings of a step that a change gives other names; nil if it is not about this step.
func (c Change) renames(t *tableStep) renames {
	var becomes map[string]string
	if json.Unmarshal([]byte(c.Becomes), &becomes) != nil {
		return nil
	}
	all := splitRenames(becomes[choiceFor], becomes["heading"])
	if len(becomes) == 1 {
		for _, at := range t.named {
			if headingWords(at.heading) == c.Words {
				all = splitRenames(at.heading, becomes["heading"])
			}
		}
	}
	for _, one := range all {
		if !slices.ContainsFunc(t.named, func(at headingAt) bool { return at.heading == one.was }) {
			return nil
		}
	}
	return all
}

// changedTable is the step at the place of a change that reads a table with the heading it is about.
func (p *Program) changedTable(c Change) (*step, error) {
	place := p.place(c)
	for _, steps := range p.lists() {
		at := tableAt(steps, place)
		if at != nil && c.renames(at.table) != nil {
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
	for _, steps := range after.lists() {
		if is := tableAt(steps, after.place(change)); is != nil {
			return "compareHeadings", map[string]any{"before": was.table.headers, "after": is.table.headers}, nil
		}
	}
	return "", nil, errors.New("the step is not there any more")
}
