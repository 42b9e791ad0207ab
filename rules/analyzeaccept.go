package rules

import (
	"fmt"
	"slices"
	"strings"

	"crosswalk/source"
)

// acceptance is a finding that the table's author is content with.
type acceptance struct {
	kind  string
	rows  []string
	input string
	cells []Cell // of a gap: as a row would have them
	why   string
	place Place
	tests []cellTest // of a gap, by column
}

var acceptKeys = acceptShape.Names()

// proofs reads complete and accept.
func (b *tableBuilder) proofs() {
	complete := b.keys["complete"]
	b.table.complete = complete.OneOf("warn", "error", "off")
	if complete == nil {
		b.table.complete = "warn"
	}
	n := b.keys["accept"]
	if n == nil {
		return
	}
	if n.Kind() != source.List {
		n.Errorf("begin each finding with -, as in - {gap: {Amount: < 0}, why: amounts are never negative}", "expected a list of findings")
		return
	}
	for _, item := range n.List() {
		keys := item.Map(acceptKeys...)
		line, column := item.Position()
		accepted := acceptance{why: strings.TrimSpace(keys["why"].Text()), place: Place{File: b.table.file, Line: line, Column: column}}
		if accepted.why == "" {
			item.Errorf("add why: with the reason", "a finding is accepted only with a reason")
		}
		for _, kind := range acceptKeys[:len(acceptKeys)-1] {
			if keys[kind] == nil {
				continue
			}
			if accepted.kind != "" {
				item.Errorf("make two of them", "%s and %s are two findings", accepted.kind, kind)
			}
			accepted.kind = kind
			b.acceptOne(&accepted, keys[kind])
		}
		if accepted.kind == "" {
			item.Errorf("name it: "+strings.Join(acceptKeys[:len(acceptKeys)-1], ", "), "nothing says which finding is accepted")
			continue
		}
		b.table.accepts = append(b.table.accepts, &accepted)
	}
}

func (b *tableBuilder) acceptOne(accepted *acceptance, n *source.Node) {
	switch accepted.kind {
	case FindingGap:
		if n.Kind() != source.Map {
			n.Errorf("write the cells that a row for it would have, as in {Amount: < 0}", "expected columns with cells")
			return
		}
		accepted.tests = make([]cellTest, len(b.table.columns))
		for _, name := range n.Keys() {
			at := slices.IndexFunc(b.table.columns, func(c column) bool { return c.name == name })
			if at < 0 {
				var names []string
				for _, c := range b.table.columns {
					names = append(names, c.name)
				}
				n.KeyNode(name).Errorf(source.DidYouMean(name, names), "unknown column %q", name)
				continue
			}
			cell, c := n.Get(name), b.table.columns[at]
			if c.value.result == unknown {
				continue
			}
			test := parseCell(cell.Text(), cellParser{t: c.value.result.AsPresent(), may: c.value.result.Optional, env: b.env, options: b.options,
				report: func(offset, _ int, hint, message string) { cell.ErrorAt(offset, hint, "%s", message) }})
			if _, anything := test.(anyTest); !anything {
				accepted.tests[at] = test
			}
			accepted.cells = append(accepted.cells, Cell{Column: name, Text: cell.Text()})
		}
	case FindingUnused:
		accepted.input = n.Text()
	default:
		if n.Kind() == source.Scalar {
			accepted.rows = []string{n.Text()}
		}
		for _, item := range n.List() {
			accepted.rows = append(accepted.rows, item.Text())
		}
		if accepted.kind == FindingOverlap && len(accepted.rows) != 2 {
			n.Errorf("write overlap: [R1, R2]", "an overlap is one of two rows")
		}
	}
}

// acceptedGap is a gap that is accepted, in a space.
type acceptedGap struct {
	of    *acceptance
	boxes []box
}

// acceptedGaps finds what the gaps that are accepted are about, and which of them are there.
func (a *analyzer) acceptedGaps() []acceptedGap {
	var all []acceptedGap
	for _, one := range a.t.accepts {
		if one.kind != FindingGap {
			continue
		}
		alternatives := []conjunction{{}}
		for i, test := range one.tests {
			if test == nil {
				continue
			}
			conditions, ok := a.space.conditions(&a.t.columns[i], test, "accepted")
			if ok {
				alternatives, ok = bothOf(alternatives, conditions)
			}
			if !ok {
				alternatives = nil
				break
			}
		}
		gap := acceptedGap{of: one}
		for _, alternative := range alternatives {
			b := a.everything() // no axis is found after this: those of what is accepted were registered
			for _, l := range alternative {
				b[l.axis] = l.set
			}
			gap.boxes = append(gap.boxes, b)
		}
		all = append(all, gap)
	}
	return all
}

// acceptGaps takes what is accepted out of the search for gaps.
func (a *analyzer) acceptGaps(boxes []box) []box {
	for _, gap := range a.gapsAccepted {
		there := false
		for _, region := range gap.boxes {
			if _, open := a.uncovered(region, slices.Concat(boxes, a.space.never)); open {
				there = true
			}
		}
		if there {
			a.result.Findings = append(a.result.Findings, Finding{Kind: FindingGap, Proven: true, Where: gap.of.cells, Accepted: gap.of.why, Place: gap.of.place,
				Message: "no row handles " + sentence(gap.of.cells)})
		} else if !a.spent {
			a.unfit(gap.of)
		}
	}
	for _, gap := range a.gapsAccepted {
		boxes = append(boxes, gap.boxes...)
	}
	return boxes
}

func (a *analyzer) unfit(one *acceptance) {
	about := sentence(one.cells)
	switch {
	case len(one.rows) > 0:
		about = listWords("row", one.rows)
	case one.input != "":
		about = one.input
	}
	a.result.Findings = append(a.result.Findings, Finding{Kind: FindingAcceptUnfit, Proven: true, Severity: source.SeverityWarning, Rows: one.rows, Input: one.input, Where: one.cells, Place: one.place,
		Message: fmt.Sprintf("a finding is accepted that does not exist: %s, %s", one.kind, about), Hint: "remove it from accept"})
}

// accept marks the findings that the author is content with, and tells of acceptances that fit none.
func (a *analyzer) accept() {
	for _, one := range a.t.accepts {
		if one.kind == FindingGap {
			continue
		}
		fits := false
		for i := range a.result.Findings {
			f := &a.result.Findings[i]
			if f.Kind != one.kind || f.Accepted != "" {
				continue
			}
			switch one.kind {
			case FindingUnused:
				if f.Input != one.input {
					continue
				}
			case FindingOverlap:
				if !slices.Contains(one.rows, f.Rows[0]) || !slices.Contains(one.rows, f.Rows[1]) {
					continue
				}
			default:
				if len(f.Rows) == 0 || !slices.Contains(one.rows, f.Rows[0]) {
					continue
				}
			}
			f.Accepted, f.Severity, fits = one.why, "", true
		}
		if !fits && len(a.result.Unchecked) == 0 {
			a.unfit(one)
		}
	}
}

// gapsMatter says whether facts that no row handles are an error of the decision.
func (t *Table) gapsMatter() bool { return t.fallback == nil && !t.empty && t.complete != "off" }

func (t *Table) gapSeverity() source.Severity {
	if t.complete == "error" {
		return source.SeverityError
	}
	return source.SeverityWarning
}

// headPlace is where a field at the top of the table stands.
func (t *Table) headPlace(key string, otherwise Place) Place {
	if t.source == nil {
		return otherwise
	}
	for _, line := range t.source.Head {
		if strings.HasPrefix(line.Text, key+":") {
			return line.Place
		}
	}
	return otherwise
}

// cellPlace is where a cell stands; without a column, the row.
func (t *Table) cellPlace(row, column string) Place {
	for i := range t.rows {
		if t.rows[i].id != row {
			continue
		}
		for c := range t.columns {
			if t.columns[c].name == column {
				return t.rows[i].cells[c].place
			}
		}
		if len(t.rows[i].cells) > 0 {
			place := t.rows[i].cells[0].place
			if column == "" && place.Cell == "" {
				place.Column = 1
			}
			return place
		}
	}
	return Place{File: t.file}
}
