package robots

import "fmt"

// Outline is the steps of a program in words, in the order in which they are done.
func (p *Program) Outline() []string {
	lines := outline(p.find, "")
	if w := p.write; w != nil {
		lines = append(lines, outline(w.prepare, "")...)
		for _, line := range outline(w.act, "") {
			lines = append(lines, "commit, once: "+line)
		}
		lines = append(lines, outline(w.verify, "")...)
	}
	return lines
}

func outline(steps []step, indent string) (lines []string) {
	for i := range steps {
		s := &steps[i]
		lines = append(lines, indent+s.words())
		lines = append(lines, outline(s.do, indent+"  ")...)
		if s.table != nil && s.table.open != nil {
			lines = append(lines, outline(s.table.open.do, indent+"  ")...)
		}
	}
	return lines
}

// words say what a step does, without values.
func (s *step) words() string {
	text := s.kind
	switch {
	case s.kind == "goto":
		text += " " + s.url.constant
	case s.target != nil && s.target.shown != "":
		text += " " + s.target.shown
	case s.key != "":
		text += " " + s.key
	case s.kind == "read" && len(s.cells) > 0:
		text += " " + s.cells[0].target.shown
	case s.assert != nil:
		text += " " + s.assert.Text()
	case s.class != "":
		text += " " + string(s.class)
	}
	if s.when != nil {
		text = fmt.Sprintf("when %s: %s", s.when.Text(), text)
	}
	if s.seen != nil {
		text = fmt.Sprintf("if %s is seen: %s", s.seen.shown, text)
	}
	return text
}
