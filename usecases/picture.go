package usecases

import (
	_ "embed"
	"fmt"
	"html"
	"regexp"
	"strings"

	"crosswalk/contracts"
)

// PictureStyle is the style sheet of pictures, for pages that hold a picture inside of themselves.
//
//go:embed picture.css
var PictureStyle string

// PictureOptions say how a use case is drawn.
type PictureOptions struct {
	// Inside leaves the style sheet out: the page that holds the picture has it.
	Inside bool
	// Marks say what became of steps in one case, by their paths in it.
	Marks map[string]Mark
}

// Mark is what became of a step in one case.
type Mark string

// What can have become of a step.
const (
	MarkDone   Mark = "done"
	MarkHere   Mark = "here" // the case waits at it
	MarkFailed Mark = "failed"
)

// The measures of a picture, in pixels.
const (
	boxWidth  = 250
	lineRoom  = 17 // of a line of text
	boxMargin = 9  // above and below the text of a box
	stepGap   = 26 // between two steps, with an arrow in it
	sideGap   = 28 // between things side by side
	textRoom  = 36 // letters that fit into a box
)

// figure is a drawn thing. It is entered at the top and left at the bottom, on its axis.
type figure struct {
	width, height, axis int
	ends                bool // nothing goes on below it
	body                string
}

// Picture draws the use case as an SVG: boxes for steps from top to bottom, a diamond where a way is chosen, frames
// around loops, dashed frames beside a step for what stands in for it. Systems have colours, and are named too. Every
// text is shown as text, whatever it holds.
func (p *Plan) Picture(options PictureOptions) []byte {
	d := &drawing{options: options, systems: map[string]int{}}
	main := d.stack(append([]figure{d.pill("start", "A case starts")}, d.list(p.Steps)...))
	if p.Joined != nil {
		joined := d.frame("way", "for each further message of the case", d.stack(d.list(p.Joined.Steps)))
		main.body += at(main.width+2*sideGap, 0, joined.body)
		main.width, main.height = main.width+2*sideGap+joined.width, max(main.height, joined.height)
	}
	legend := d.legend()
	width, height := max(main.width, legend.width)+2*sideGap, main.height+legend.height+3*sideGap
	name := "picture-" + p.UseCase
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" aria-labelledby="%[1]s-title %[1]s-text" viewBox="0 0 %[2]d %[3]d" width="%[2]d" height="%[3]d">`+"\n",
		html.EscapeString(name), width, height)
	fmt.Fprintf(&b, "<title id=\"%s-title\">%s</title>\n<desc id=\"%s-text\">%s</desc>\n", html.EscapeString(name), html.EscapeString(p.Title), html.EscapeString(name), html.EscapeString(p.inWords()))
	if !options.Inside {
		b.WriteString("<style>\n" + PictureStyle + "</style>\n<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n")
	}
	b.WriteString(at(sideGap, sideGap, main.body) + at(sideGap, main.height+2*sideGap, legend.body) + "</svg>\n")
	return []byte(b.String())
}

// inWords tells the steps for those who cannot see the picture.
func (p *Plan) inWords() string {
	var steps []string
	p.Walk(func(s *Step) { steps = append(steps, s.Path+": "+s.InWords()) })
	return fmt.Sprintf("%d steps. %s.", len(steps), strings.Join(steps, "; "))
}

// InWords says what a step does, in a few words: names of systems, tables and steps, and no data of a case.
func (s *Step) InWords() string {
	switch {
	case s.Call != nil:
		text := s.Call.System + "." + s.Call.Operation.Short
		if s.Call.Operation.Effect == contracts.Write {
			text += " (writes)"
		}
		return text
	case s.Decide != nil:
		return "decides with " + s.Decide.Table
	case s.Ask != nil:
		return "asks somebody to " + string(s.Ask.What)
	case s.End != nil:
		return "the case ends"
	case s.Set != nil:
		return "sets a value"
	case s.Each != nil:
		return "for each " + strings.ReplaceAll(s.Each.As, "_", " ")
	case s.Choose != nil:
		return "chooses a way"
	case s.Together != nil:
		return "side by side"
	case s.Wait != nil:
		return "waits"
	case s.Run != nil:
		return "runs " + s.Run.Name()
	}
	return s.Kind()
}

type drawing struct {
	options PictureOptions
	systems map[string]int // the number of its colour
	names   []string       // of the systems, in the order in which they are met
}

func (d *drawing) list(steps []*Step) []figure {
	var figures []figure
	for _, s := range steps {
		figures = append(figures, d.step(s))
	}
	return figures
}

// stack puts figures below each other, with arrows between them.
func (d *drawing) stack(figures []figure) figure {
	var all figure
	right := 0
	for _, f := range figures {
		all.axis, right = max(all.axis, f.axis), max(right, f.width-f.axis)
	}
	all.width = all.axis + right
	for i, f := range figures {
		if i > 0 {
			if !figures[i-1].ends {
				all.body += arrow(all.axis, all.height, all.axis, all.height+stepGap)
			}
			all.height += stepGap
		}
		all.body += at(all.axis-f.axis, all.height, f.body)
		all.height += f.height
		all.ends = f.ends
	}
	return all
}

// step draws a step with the ways inside of it, and beside it those that stand in for it.
func (d *drawing) step(s *Step) figure {
	var inside, aside []Way
	for _, way := range s.Ways() {
		if s.Choose != nil && strings.HasPrefix(way.Name, "[") || s.Each != nil && way.Name == EachWay || s.Together != nil && strings.HasPrefix(way.Name, ".") {
			inside = append(inside, way)
		} else {
			aside = append(aside, way)
		}
	}
	var f figure
	switch {
	case s.Choose != nil:
		f = d.choose(s, inside)
	case len(inside) > 0:
		f = d.around(s, inside)
	case s.End != nil:
		f = d.end(s)
	default:
		f = d.box(s)
	}
	var frames []figure
	for _, way := range aside {
		frames = append(frames, d.way(way))
	}
	if len(frames) > 0 {
		f = beside(f, frames)
	}
	return f
}

// name is what a step is called in a picture.
func (s *Step) name() string {
	if s.Name != "" {
		return s.Name
	}
	if label := s.Label(); s.ID != "" || label != s.Path {
		return label
	}
	return s.InWords()
}

// box is a step that does one thing.
func (d *drawing) box(s *Step) figure {
	lines := []string{s.name()}
	if does := s.InWords(); does != lines[0] {
		lines = append(lines, does)
	}
	if s.When != nil {
		lines = append(lines, "when "+s.When.Text())
	}
	f := figure{width: boxWidth, height: len(lines)*lineRoom + 2*boxMargin, axis: boxWidth / 2}
	class := "box " + s.Kind() + d.colour(s) + d.mark(s)
	f.body = titled(s, fmt.Sprintf(`<rect class="%s" width="%d" height="%d" rx="6"/>`, class, f.width, f.height)+texts(f.axis, boxMargin, lines))
	return f
}

// pill is a beginning or an end.
func (d *drawing) pill(class string, lines ...string) figure {
	f := figure{width: boxWidth, height: len(lines)*lineRoom + 2*boxMargin, axis: boxWidth / 2}
	f.body = fmt.Sprintf(`<rect class="pill %s" width="%d" height="%d" rx="%d"/>`, class, f.width, f.height, f.height/2) + texts(f.axis, boxMargin, lines)
	return f
}

func (d *drawing) end(s *Step) figure {
	lines := []string{s.InWords()}
	if s.When != nil {
		lines = append(lines, "when "+s.When.Text())
	}
	f := d.pill("end"+d.mark(s), lines...)
	f.body, f.ends = titled(s, f.body), s.When == nil
	return f
}

// choose draws a diamond and the branches below it, side by side.
func (d *drawing) choose(s *Step, ways []Way) figure {
	const height = 60
	columns := d.columns(ways)
	if last := ways[len(ways)-1]; last.Title != "otherwise" {
		columns = append(columns, labelled("otherwise", figure{width: boxWidth / 2, axis: boxWidth / 4}))
	}
	below := side(columns, true)
	f := figure{width: max(boxWidth, below.width), height: height + below.height, ends: below.ends}
	f.axis = max(boxWidth/2, below.axis)
	f.width = f.axis + max(boxWidth/2, below.width-below.axis)
	diamond := fmt.Sprintf(`<polygon class="diamond%s" points="%d,0 %d,%d %d,%d 0,%d"/>`, d.mark(s), boxWidth/2, boxWidth, height/2, boxWidth/2, height, height/2)
	f.body = at(f.axis-boxWidth/2, 0, titled(s, diamond+texts(boxWidth/2, (height-lineRoom)/2, []string{s.name()}))) + at(f.axis-below.axis, height, below.body)
	return f
}

// around draws a frame around the ways that a step takes.
func (d *drawing) around(s *Step, ways []Way) figure {
	title := s.name()
	if does := s.InWords(); does != title {
		title += ": " + does
	}
	if s.When != nil {
		title += ", when " + s.When.Text()
	}
	inner := d.stack(d.list(ways[0].Steps))
	if len(ways) > 1 || s.Each == nil {
		inner = side(d.columns(ways), true)
	}
	f := d.frame("loop"+d.mark(s), title, inner)
	f.body = titled(s, f.body)
	return f
}

// way draws what stands in for a step.
func (d *drawing) way(way Way) figure {
	if len(way.Steps) == 0 {
		f := figure{width: boxWidth, height: 2*lineRoom + 2*boxMargin, axis: boxWidth / 2}
		f.body = fmt.Sprintf(`<rect class="way" width="%d" height="%d" rx="6"/>`, f.width, f.height) + texts(f.axis, boxMargin, []string{way.Title, "goes on without a result"})
		return f
	}
	return d.frame("way", way.Title, d.stack(d.list(way.Steps)))
}

func (d *drawing) columns(ways []Way) []figure {
	var columns []figure
	for _, way := range ways {
		columns = append(columns, labelled(way.Title, d.stack(d.list(way.Steps))))
	}
	return columns
}

// frame draws a figure inside of a frame with a title.
func (d *drawing) frame(class, title string, inner figure) figure {
	const margin = 14
	width := max(inner.width, boxWidth)
	shift := (width - inner.width) / 2
	f := figure{width: width + 2*margin, height: inner.height + lineRoom + 3*margin, axis: inner.axis + shift + margin, ends: inner.ends}
	f.body = fmt.Sprintf(`<rect class="%s" width="%d" height="%d" rx="10"/>`, class, f.width, f.height) +
		fmt.Sprintf(`<text class="label" x="%d" y="%d">%s</text>`, margin, margin+lineRoom/2, html.EscapeString(shortened(title, f.width/7))) +
		at(margin+shift, lineRoom+2*margin-4, inner.body)
	return f
}

// labelled puts the condition of a branch over it.
func labelled(text string, below figure) figure {
	width := max(below.width, boxWidth/2)
	shift := (width - below.width) / 2
	f := figure{width: width, axis: below.axis + shift, height: below.height + lineRoom + 2*boxMargin, ends: below.ends}
	f.body = fmt.Sprintf(`<text class="label" text-anchor="middle" x="%d" y="%d"><title>%s</title>%s</text>`, f.axis, lineRoom-2, html.EscapeString(text), html.EscapeString(shortened(text, width/7))) +
		arrow(f.axis, lineRoom+2, f.axis, lineRoom+2*boxMargin) + at(shift, lineRoom+2*boxMargin, below.body)
	return f
}

// side puts figures side by side. Lines lead from the middle above to each of them and, if join is set, from those that
// go on to the middle below.
func side(figures []figure, join bool) figure {
	const bus = 16
	var all figure
	lowest := 0
	var axes []int
	for i, f := range figures {
		if i > 0 {
			all.width += sideGap
		}
		axes = append(axes, all.width+f.axis)
		all.body += at(all.width, bus, f.body)
		all.width += f.width
		lowest = max(lowest, f.height)
	}
	all.axis = (axes[0] + axes[len(axes)-1]) / 2
	all.height = bus + lowest
	lines := line(all.axis, 0, all.axis, bus/2) + line(axes[0], bus/2, axes[len(axes)-1], bus/2)
	all.ends = true
	for i, f := range figures {
		lines += line(axes[i], bus/2, axes[i], bus)
		if !f.ends && join {
			all.ends = false
			lines += line(axes[i], bus+f.height, axes[i], all.height+bus/2) + line(axes[i], all.height+bus/2, all.axis, all.height+bus/2)
		}
	}
	if !all.ends {
		lines += line(all.axis, all.height+bus/2, all.axis, all.height+bus)
		all.height += bus
	}
	all.body = lines + all.body
	return all
}

// beside puts frames to the right of a figure, connected by dashed lines.
func beside(f figure, frames []figure) figure {
	all := figure{width: f.width + sideGap, height: f.height, axis: f.axis, ends: f.ends, body: f.body}
	y, widest := 0, 0
	for _, frame := range frames {
		all.body += fmt.Sprintf(`<path class="aside" d="M%d,%d H%d V%d H%d"/>`, f.width, min(f.height/2, 24), f.width+sideGap/2, y+18, f.width+sideGap) + at(f.width+sideGap, y, frame.body)
		y += frame.height + boxMargin
		widest = max(widest, frame.width)
	}
	all.width += widest
	if y -= boxMargin; y > f.height {
		if !f.ends {
			all.body += line(f.axis, f.height, f.axis, y)
		}
		all.height = y
	}
	return all
}

// legend names the systems with their colours.
func (d *drawing) legend() figure {
	f := figure{height: lineRoom}
	for i, name := range d.names {
		f.body += fmt.Sprintf(`<rect class="box system-%d" x="%d" width="14" height="14" rx="3"/><text class="label" x="%d" y="12">%s</text>`, i%colours, f.width, f.width+20, html.EscapeString(name))
		f.width += 36 + 8*len([]rune(name))
	}
	return f
}

// colours is how many systems have a colour of their own.
const colours = 8

func (d *drawing) colour(s *Step) string {
	if s.Call == nil {
		return ""
	}
	number, known := d.systems[s.Call.System]
	if !known {
		number = len(d.names)
		d.systems[s.Call.System], d.names = number, append(d.names, s.Call.System)
	}
	return fmt.Sprintf(" system-%d", number%colours)
}

// mark is what became of the step; of a loop's step, what became of it in the item that matters most.
func (d *drawing) mark(s *Step) string {
	found := Mark("")
	rank := map[Mark]int{"": 0, MarkDone: 1, MarkFailed: 2, MarkHere: 3}
	pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(s.Path), `\[\]`, `\[\d+\]`) + "$")
	for _, path := range sortedKeys(d.options.Marks) {
		if mark := d.options.Marks[path]; rank[mark] > rank[found] && pattern.MatchString(path) {
			found = mark
		}
	}
	if found == "" {
		return ""
	}
	return " " + string(found)
}

// titled makes a step's drawing one thing, with all that it is about as its title.
func titled(s *Step, body string) string {
	about := s.Path + ": " + s.InWords()
	if s.When != nil {
		about += ", when " + s.When.Text()
	}
	return "<g><title>" + html.EscapeString(about) + "</title>" + body + "</g>"
}

// texts puts lines of text below each other; the first is the name.
func texts(x, y int, lines []string) string {
	var b strings.Builder
	for i, text := range lines {
		class, most := "about", textRoom
		if i == 0 {
			class, most = "name", textRoom-5 // bold letters are wider
		}
		fmt.Fprintf(&b, `<text class="%s" text-anchor="middle" x="%d" y="%d">%s</text>`, class, x, y+i*lineRoom+13, html.EscapeString(shortened(text, most)))
	}
	return b.String()
}

func shortened(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:max(most-1, 1)]) + "…"
	}
	return text
}

func at(x, y int, body string) string {
	return fmt.Sprintf("<g transform=\"translate(%d,%d)\">%s</g>\n", x, y, body)
}

func line(x1, y1, x2, y2 int) string {
	return fmt.Sprintf(`<line class="line" x1="%d" y1="%d" x2="%d" y2="%d"/>`, x1, y1, x2, y2)
}

func arrow(x1, y1, x2, y2 int) string {
	return line(x1, y1, x2, y2) + fmt.Sprintf(`<polygon class="tip" points="%d,%d %d,%d %d,%d"/>`, x2, y2, x2-4, y2-8, x2+4, y2-8)
}
