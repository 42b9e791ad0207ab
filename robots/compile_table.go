package robots

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// tableStep reads rows by their headings, over several pages, and can follow a link in each row.
type tableStep struct {
	headers  []string
	wrapped  string // the heading under which the first line of each record is filled
	columns  []cell // beside headers
	next     *target
	maxPages int
	where    map[string]*rules.Template
	atLeast  int
	atMost   int // -1: any number
	open     *openStep
	named    []headingAt // wherever the file names a heading
}

type openStep struct {
	column string
	do     []step
	names  []string
	back   *target
}

func (c *compiler) compileTable(s *step, n *source.Node) {
	fields := n.Fields(tableShape)
	t := &tableStep{atMost: -1, maxPages: 1, where: map[string]*rules.Template{}}
	s.table = t
	from := n.Required("from", "say where the table is: {frame: main}")
	place := from.Fields(fromShape)
	s.target = &target{frame: place["frame"].Text(), in: c.compileTarget(place["in"])}
	t.headers = place["headers"].Texts()
	t.names(place["headers"], false)
	t.names(place["wrapped"], false)
	if t.wrapped = place["wrapped"].Text(); t.wrapped != "" && !slices.Contains(t.headers, t.wrapped) {
		t.headers = append(t.headers, t.wrapped)
	}
	columns := n.Required("columns", "give the headings and the names for their values")
	if columns.Map(); columns.Kind() == source.Map && len(columns.Keys()) == 0 {
		columns.Errorf("write for example {Beleg: number}", "there is no heading here")
	}
	var row []rules.Field
	for _, header := range columns.Keys() {
		t.names(columns.KeyNode(header), true)
		column := parseCell(columns.Get(header), c.system.formats)
		if column.ifThere {
			columns.Get(header).Errorf("read a table with other headings in a step of its own", "if_there is for labels, not for columns")
		}
		if column.name != "" && slices.ContainsFunc(row, func(f rules.Field) bool { return f.Name == column.name }) {
			columns.Get(header).Errorf("choose another name", "two columns are called %q", column.name)
		}
		if header == "" {
			columns.KeyNode(header).Errorf("write it as it stands on the page", "the heading is empty")
		}
		if !slices.Contains(t.headers, header) {
			t.headers = append(t.headers, header)
		}
		row = append(row, rules.Field{Name: column.name, Type: column.typ(), Required: !column.optional})
		t.columns = append(t.columns, column)
	}
	t.headers = orderedHeaders(columns.Keys(), t.headers)
	s.target.shown = fmt.Sprintf("the table with the headings %s", strings.Join(t.headers, ", "))
	c.pages(t, fields["pages"])
	c.where(t, fields["where"], row)
	c.count(t, fields["expect"])
	if open := fields["open"]; open.Exists() {
		row = append(row, c.open(t, open, row)...)
	}
	s.name = checkName(n.Required("as", "name the rows"))
	list := rules.ListOf(rules.RecordType(row...))
	list.MinItems = t.atLeast
	c.assign(n, s.name, list)
}

// names notes where the file names a heading.
func (t *tableStep) names(node *source.Node, key bool) {
	switch {
	case node.Exists() && node.Kind() == source.List:
		for _, item := range node.List() {
			t.names(item, key)
		}
	case node.Exists():
		t.named = append(t.named, headingAt{node.Text(), node, key})
	}
}

// orderedHeaders puts the headings that have a column first, in the order of the columns.
func orderedHeaders(columns, headers []string) []string {
	ordered := slices.Clone(columns)
	for _, header := range headers {
		if !slices.Contains(ordered, header) {
			ordered = append(ordered, header)
		}
	}
	return ordered
}

func (c *compiler) pages(t *tableStep, n *source.Node) {
	if !n.Exists() {
		return
	}
	fields := n.Fields(pagesShape)
	t.next = c.compileTarget(n.Required("next", "name the link to the next page"))
	if t.maxPages = 20; fields["max"].Exists() {
		t.maxPages = bounded(fields["max"], 1, mostPagesOf)
	}
}

func (c *compiler) where(t *tableStep, n *source.Node, row []rules.Field) {
	for _, name := range sortedKeys(n.Map()) {
		at := slices.IndexFunc(row, func(f rules.Field) bool { return f.Name == name })
		if at < 0 {
			var names []string
			for _, field := range row {
				names = append(names, field.Name)
			}
			n.KeyNode(name).Errorf(source.DidYouMean(name, names), "%q is not a column that is read", name)
			continue
		}
		t.where[name] = rules.CompileTemplate(n.Get(name), c.env, row[at].Type.AsPresent(), options)
	}
}

var countForm = regexp.MustCompile(`^(\d+)(?:\.\.(\d*))?$`)

// count reads how many rows there may be: 1, 0..1, 1.. .
func (c *compiler) count(t *tableStep, n *source.Node) {
	if !n.Exists() {
		return
	}
	m := countForm.FindStringSubmatch(n.Text())
	if m == nil {
		n.Errorf("write for example 1, 0..1 or 1..", "%q is not a number of rows", n.Text())
		return
	}
	least, err := strconv.Atoi(m[1])
	most, errMost := -1, error(nil)
	switch {
	case !strings.Contains(n.Text(), ".."):
		most = least
	case m[2] != "":
		most, errMost = strconv.Atoi(m[2])
	}
	if err != nil || errMost != nil || most >= 0 && most < least {
		n.Errorf("write for example 1, 0..1 or 1..", "no number of rows is %s", n.Text())
		return
	}
	t.atLeast, t.atMost = least, most
}

func (c *compiler) open(t *tableStep, n *source.Node, row []rules.Field) []rules.Field {
	fields := n.Fields(openShape)
	t.open = &openStep{column: n.Required("column", "name the heading under which the link is").Text(), back: c.compileTarget(fields["back"])}
	t.names(n.Get("column"), false)
	if !slices.Contains(t.headers, t.open.column) {
		n.Get("column").Errorf(source.DidYouMean(t.open.column, t.headers), "%q is not one of the headings", t.open.column)
	}
	env := c.env
	for _, field := range row {
		c.env = c.env.With(field.Name, field.Type)
	}
	var read []rules.Field
	t.open.do, t.open.names, read = c.block(n.Required("do", "give the steps on the page behind the link"))
	c.env = env
	for _, field := range read {
		if slices.ContainsFunc(row, func(f rules.Field) bool { return f.Name == field.Name }) {
			n.Errorf("choose another name", "%q is a column already", field.Name)
		}
	}
	return read
}
