package rules

import (
	"fmt"
	"slices"

	"crosswalk/source"
)

// plain are the boxes without their rows.
func plain(boxes []ruleBox) []box {
	all := make([]box, len(boxes))
	for i, b := range boxes {
		all[i] = b.box
	}
	return all
}

func (a *analyzer) everything() box { return make(box, len(a.space.axes)) }

// gaps finds facts that no row handles.
func (a *analyzer) gaps() {
	if !a.t.gapsMatter() {
		return
	}
	// What no facts lie in need not be kept out of a gap: the region is said in fewer words, and facts are found in it.
	boxes, never := a.acceptGaps(plain(a.boxes)), a.space.never
	possible := 0
	for count := 0; ; count++ {
		region, found := a.uncovered(a.everything(), slices.Concat(boxes, never))
		if !found {
			return
		}
		if count == maxGaps {
			a.unchecked("more gaps than the %d that are listed", maxGaps)
			return
		}
		region = a.grow(region, boxes)
		boxes = append(boxes, region)
		if f := a.gap(region); f.Proven || possible < maxGaps/2 {
			if !f.Proven {
				possible++
			}
			a.result.Findings = append(a.result.Findings, f)
		}
	}
}

func (a *analyzer) gap(region box) Finding {
	f := Finding{Kind: FindingGap, Severity: a.t.gapSeverity(), Where: a.words(region), Place: a.t.headPlace("rows", Place{File: a.t.file}), region: region}
	if len(a.t.rows) > 0 && len(a.t.rows[len(a.t.rows)-1].cells) > 0 {
		f.Place = a.t.rows[len(a.t.rows)-1].cells[0].place
	}
	facts, ok := a.maker.find(region, Value{})
	if ok {
		_, err := a.t.Decide(facts)
		wrong, isDecision := err.(*DecisionError)
		switch {
		case isDecision && wrong.NoMatch:
			f.Proven, f.Example = true, &PlainValue{facts}
		case isDecision:
			return a.failure(facts, wrong)
		}
	}
	f.Suggestion = a.suggestion(region, facts, ok)
	f.Message = "no row handles " + a.sentence(region)
	if !f.Proven {
		f.Message = "perhaps no row handles " + a.sentence(region) + ": no facts were found for which that is so"
	}
	f.Hint = "add a row such as: " + rowText(f.Suggestion)
	return f
}

func (a *analyzer) failure(facts Value, wrong *DecisionError) Finding {
	f := Finding{Kind: FindingFails, Proven: true, Severity: source.SeverityWarning, Example: &PlainValue{facts}, Input: wrong.Column, Message: wrong.Error(), Hint: wrong.Hint, Place: Place{File: a.t.file}}
	if wrong.Row != "" {
		f.Rows = []string{wrong.Row}
		f.Place = a.t.cellPlace(wrong.Row, wrong.Column)
	}
	return f
}

// overlaps finds rows that match the same facts.
func (a *analyzer) overlaps() {
	way := choiceOf(a.t)
	if way == chooseSeveral {
		return
	}
	names := make([]string, len(a.t.rows))
	for i := range a.t.rows {
		names[i] = outcomeOf(a.t, &a.t.rows[i])
	}
	of := make([][]box, len(a.t.rows))
	for _, b := range a.boxes {
		of[b.row] = append(of[b.row], b.box)
	}
	listed, more := 0, 0
	for i := range a.t.rows {
		for j := i + 1; j < len(a.t.rows); j++ {
			if way != chooseOne && names[i] == names[j] {
				continue
			}
			regions := a.common(of[i], of[j])
			switch {
			case a.spent:
				return
			case len(regions) == 0:
			case way == chooseFirst:
				a.result.Ordered++
			case listed >= maxOverlaps:
				more++
			default:
				listed++
				a.result.Findings = append(a.result.Findings, a.overlap(i, j, regions, names))
			}
		}
	}
	if more > 0 {
		a.unchecked("%d more pairs of rows may overlap than the %d that are listed", more, maxOverlaps)
	}
}

// common is what two rows have in common, and facts may lie in.
func (a *analyzer) common(left, right []box) []box {
	var regions []box
	for _, b := range left {
		for _, c := range right {
			if !a.pay(1 + len(b)/2) {
				return nil
			}
			region, both := b.and(c)
			if !both {
				continue
			}
			if _, possible := a.uncovered(region, a.space.never); possible {
				regions = append(regions, region)
			}
		}
	}
	return regions
}

func (a *analyzer) overlap(i, j int, regions []box, names []string) Finding {
	first, second := &a.t.rows[i], &a.t.rows[j]
	f := Finding{Kind: FindingOverlap, Severity: source.SeverityWarning, Rows: []string{first.id, second.id}, Place: a.t.cellPlace(second.id, ""),
		Results: []string{names[i], names[j]}, Conflict: names[i] != names[j], region: regions[0]}
	for _, region := range regions {
		if facts, ok := a.maker.find(region, Value{}); ok && a.matching(facts, i) && a.matching(facts, j) {
			f.Proven, f.Example, f.region = true, &PlainValue{facts}, region
			break
		}
	}
	f.Where = a.words(f.region)
	says := "and they decide the same"
	if f.Conflict {
		says = "and they decide different things"
	}
	f.Message = fmt.Sprintf("rows %s and %s both match %s, %s", first.id, second.id, sentence(f.Where), says)
	if !f.Proven {
		f.Message = fmt.Sprintf("rows %s and %s perhaps both match %s: no facts were found for which that is so", first.id, second.id, sentence(f.Where))
	}
	f.Hint = "make them exclude each other, or use hit: first if their order is meant to decide"
	return f
}

// matching says whether a row's cells all hold.
func (a *analyzer) matching(facts Value, row int) bool {
	decoded, err := a.t.Facts.Decode(facts)
	if err != nil {
		return false
	}
	d := proving(decoded)
	defer proved(d)
	if a.t.inputs(d) != nil {
		return false
	}
	missed, err := a.t.miss(d, &a.t.rows[row])
	return err == nil && missed < 0
}

// The bounds on what is listed of one kind; the rest is counted.
const (
	maxGaps     = 20
	maxOverlaps = 40
)
