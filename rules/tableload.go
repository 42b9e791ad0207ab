package rules

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"crosswalk/source"
)

// The limits of a table.
const (
	MaxRows    = 5_000
	MaxColumns = 60

	maxProblems     = 200      // in the rows, after which no more are looked for
	maxComputed     = 20_000   // cells that are more than comparisons with fixed values
	maxCell         = 10_000   // characters of a cell
	maxEncodedBytes = 16 << 20 // of a table that is kept as JSON, in which every cell has its place
)

// specialColumns stand beside inputs and outputs.
var specialColumns = []string{"id", "why", "note", "off"}

// ParseTable reads and checks a table: ReadTable and CompileTable. All problems are returned; the table is nil if there
// are errors among them.
func ParseTable(file string, text []byte, read TableReader) (*Table, source.Problems) {
	return parseTable(file, text, read, false)
}

// ParsePublished is ParseTable for a table that was published once: what a spreadsheet may have done to its cells was
// looked for then. A later release, which knows more of that, must not take a case its tables.
func ParsePublished(file string, text []byte, read TableReader) (*Table, source.Problems) {
	return parseTable(file, text, read, true)
}

func parseTable(file string, text []byte, read TableReader, published bool) (*Table, source.Problems) {
	written, problems := ReadTable(file, text, read)
	if written == nil {
		return nil, problems
	}
	table, found := compileTable(written, published)
	if problems = append(problems, found...).Sorted(); problems.Err() != nil {
		return nil, problems
	}
	return table, problems
}

// CompileTable checks a table and makes it ready to decide. The table is nil if there are errors among the problems.
func CompileTable(written *TableSource) (*Table, source.Problems) {
	return compileTable(written, false)
}

func compileTable(written *TableSource, published bool) (*Table, source.Problems) {
	b := &tableBuilder{written: written, published: published, doc: written.document(), table: &Table{file: written.File, source: written}}
	switch {
	case b.doc.Root == nil:
		return nil, b.problems()
	case b.doc.Root.Get("decision").Exists():
		b.chainOf()
	case b.doc.Root.Get("versions").Exists():
		b.versionsOf()
	default:
		b.ofRows()
	}
	problems := b.problems()
	if problems.Err() != nil {
		return nil, problems
	}
	b.finish()
	return b.table, problems
}

// ofRows compiles a table that has rows.
func (b *tableBuilder) ofRows() {
	b.head()
	if rows := b.keys["rows"]; rows != nil && !b.written.headRows {
		rows.Errorf("remove it", "the rows of this table are in the file itself")
	}
	b.rows(b.written.Rows)
	if b.table.Outputs != nil {
		b.checkPolicy()
		b.defaults()
	}
	b.proofs()
}

// TableHead lists what a table file says beside its rows, by place. It needs nothing to be right.
func TableHead(file string, text []byte) map[string]string {
	switch {
	case strings.EqualFold(path.Ext(file), ".csv"):
		text, _ = splitCSV(text)
	case EncodedTable(file):
		written, _ := decodeTable(file, text)
		if written == nil {
			return nil
		}
		return written.document().Root.Leaves(nil)
	}
	root := source.Parse(file, text).Root
	return root.Leaves(func(n *source.Node) bool { return n.Path() == "rows" && strings.Contains(n.Text(), "\n") })
}

// normalized is a file's content as it is hashed: line ends do not matter.
func normalized(text []byte) []byte {
	return []byte(strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n"))
}

type tableBuilder struct {
	written   *TableSource
	published bool             // what spreadsheets do to cells has been looked for
	doc       *source.Document // of the head
	table     *Table
	keys      map[string]*source.Node
	env       *Environment
	options   Options
	found     source.Problems // in the rows

	outputs []Field // with what the file says of them
	units   []string
	given   []bool // by output: whether every row so far gives a value
	needed  []bool // by output: whether the file demands one

	inner    []*Environment // by column: with what ? stands for
	computed int            // cells so far that are more than comparisons with fixed values

	parts []*Table // that the table is made of, and what they read
	reads []string
}

// problems puts the head's and the rows' problems together.
func (b *tableBuilder) problems() source.Problems {
	return append(b.written.placed(b.doc.Problems()), b.found...).Sorted()
}

// gridCell is a cell that is being checked, with the way to report what is wrong with it.
type gridCell struct {
	text    string
	trusted bool // no spreadsheet program is suspected of having changed it
	place   Place
	form    CellForm
	report  reporter
}

// gridRow is a row: its cells in the order of the columns.
type gridRow []gridCell

func (b *tableBuilder) cells(from []SourceCell) gridRow {
	r := make(gridRow, len(from))
	for i, cell := range from {
		r[i] = gridCell{text: cell.Text, place: cell.Place, form: cell.Form, trusted: b.published, report: func(offset, _ int, hint, message string) {
			b.found = append(b.found, cell.Place.problem(cell.Text, offset, hint, message))
		}}
	}
	return r
}

func (b *tableBuilder) head() {
	b.keys = b.doc.Root.Fields(tableShape)
	b.named("table", "give the table a name")
	b.policy()
	b.facts()
	b.inputs()
	b.dates()
	b.outputTypes()
}

// named reads what every table says of itself.
func (b *tableBuilder) named(key, hint string) {
	root := b.doc.Root
	b.options = Options{Limits: cellLimits}
	if level := b.keys["rules"]; level == nil {
		root.Errorf("add rules: 1", "the field %q is missing: it fixes the meaning of cells and numbers", "rules")
	} else if level.Text() != "1" {
		level.Errorf("write rules: 1", "language level %s is not known here", quoted(level.Text()))
	}
	b.table.Name, b.table.Title = root.Required(key, hint).Text(), b.keys["title"].Text()
}

// facts reads the types of what the table takes.
func (b *tableBuilder) facts() {
	t := b.table
	t.Facts = RecordType()
	if facts := b.keys["facts"]; facts.Kind() == source.Map {
		t.Facts = ParseFields(facts)
	} else {
		b.doc.Root.Required("facts", "list the facts that the table takes, with their types")
		if facts != nil {
			facts.Errorf("write name: type lines here; a schema file is not available yet", "expected a mapping of facts to types")
		}
	}
	b.env = NewEnvironment(t.Facts)
	if value := b.keys["value"]; value != nil {
		t.Value = CompileNode(value, b.env, &Type{Kind: KindNumber, Optional: true}, b.options)
	}
}

// inputs reads the columns that rows are matched by: a list of {name, fact} or {name, value}, of bare
// facts, or a mapping of names to facts and formulas.
func (b *tableBuilder) inputs() {
	n := b.keys["inputs"]
	switch n.Kind() {
	case source.Map:
		for _, name := range first(n.Keys()) {
			b.input(name, n.KeyNode(name), n.Get(name), nil)
		}
	case source.List:
		for _, item := range first(n.List()) {
			if item.Kind() == source.Scalar {
				b.input(item.Text(), item, item, nil)
				continue
			}
			keys := item.Fields(inputShape)
			of := keys["fact"]
			if of == nil {
				of = keys["value"]
			}
			if of == nil {
				item.Errorf("add fact: with the path of a fact, or value: with a formula", "nothing says what this column holds")
				continue
			}
			name := keys["name"]
			if name == nil {
				name = of
			}
			b.input(name.Text(), name, of, keys["unit"])
		}
	default:
		b.doc.Root.Required("inputs", "list the columns that rows are matched by")
	}
}

// first are the columns that are looked at, one more than there may be.
func first[T any](all []T) []T { return all[:min(len(all), MaxColumns+1)] }

func (b *tableBuilder) input(name string, at, of, unit *source.Node) {
	if b.taken(name) {
		at.Errorf("", "the column %q is there twice", name)
		return
	}
	if len(b.table.columns)+len(b.outputs) >= MaxColumns {
		if len(b.table.columns)+len(b.outputs) == MaxColumns {
			at.Errorf("split the table", "at most %d columns are read", MaxColumns)
		}
		return
	}
	x := CompileNode(of, b.env, nil, b.options)
	if x == nil {
		x = &Expression{text: of.Text(), result: unknown, root: &literalNode{}}
	}
	b.table.columns = append(b.table.columns, column{name: name, unit: unit.Text(), value: x})
}

func (b *tableBuilder) taken(name string) bool {
	return slices.Contains(b.special(), name) || slices.ContainsFunc(b.table.columns, func(c column) bool { return c.name == name }) ||
		slices.ContainsFunc(b.outputs, func(f Field) bool { return f.Name == name })
}

// special are the columns that stand beside inputs and outputs.
func (b *tableBuilder) special() []string {
	if b.keys["effective"] != nil {
		return append(slices.Clone(specialColumns), "from", "to")
	}
	return specialColumns
}

// outputTypes reads the outputs: a mapping of names to types, or a list of {name, type, values}.
func (b *tableBuilder) outputTypes() {
	n := b.keys["outputs"]
	switch n.Kind() {
	case source.Map:
		for i, field := range first(ParseFields(n).Fields) {
			b.output(field, n.KeyNode(n.Keys()[i]), nil)
		}
	case source.List:
		for _, item := range first(n.List()) {
			keys := item.Fields(outputShape)
			name := item.Required("name", "")
			field := Field{Name: name.Text(), Type: &Type{Kind: KindText}, Required: keys["required"].Bool()}
			if keys["type"] != nil {
				t := *ParseType(keys["type"])
				field.Type = &t
			}
			field.Type.Title = keys["title"].Text()
			parseEnum(field.Type, keys["values"])
			b.output(field, name, keys["unit"])
		}
	default:
		if b.table.hit != Count || n != nil {
			b.doc.Root.Required("outputs", "name what a row decides, with types")
		}
	}
}

func (b *tableBuilder) output(field Field, at, unit *source.Node) {
	if b.taken(field.Name) {
		at.Errorf("choose another name", "the column %q is there twice", field.Name)
		return
	}
	if len(b.table.columns)+len(b.outputs) >= MaxColumns {
		if len(b.table.columns)+len(b.outputs) == MaxColumns {
			at.Errorf("split the table", "at most %d columns are read", MaxColumns)
		}
		return
	}
	b.outputs, b.units = append(b.outputs, field), append(b.units, unit.Text())
	b.given, b.needed = append(b.given, true), append(b.needed, field.Required)
}

// columnNames lists every column that rows may have.
func (b *tableBuilder) columnNames() []string {
	names := slices.Clone(b.special())
	for _, c := range b.table.columns {
		if !c.dates {
			names = append(names, c.name)
		}
	}
	for _, output := range b.outputs {
		names = append(names, output.Name)
	}
	return names
}

// hashed is what the hash of the table is made of.
func (s *TableSource) hashed() [][]byte {
	if s.contents != nil {
		return s.contents
	}
	return [][]byte{s.Encode()}
}

// finish fixes what depends on all rows: the outputs' type, the hash, and what is read.
func (b *tableBuilder) finish() {
	t := b.table
	hash := sha256.New()
	for _, content := range b.written.hashed() {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(content)))
		hash.Write(size[:])
		hash.Write(content)
	}
	for _, part := range b.parts {
		hash.Write([]byte(part.Hash))
	}
	t.Hash = hex.EncodeToString(hash.Sum(nil))
	b.reading()
	if len(t.versions)+len(t.steps) == 0 {
		t.index = buildIndex(t)
	}
}

// reading fixes which facts the table reads.
func (b *tableBuilder) reading() {
	t := b.table
	reads := map[string]bool{}
	for _, c := range t.columns {
		for _, path := range c.value.reads {
			reads[path] = true
		}
	}
	for i := range t.rows {
		for _, path := range t.rows[i].outputs.reads {
			reads[path] = true
		}
		for _, test := range t.rows[i].tests {
			collectReads(test, reads)
		}
	}
	for i := range t.columns {
		t.columns[i].path = factPath(t.columns[i].value.root)
	}
	for _, path := range b.reads {
		reads[path] = true
	}
	for path := range reads {
		t.reads = append(t.reads, path)
	}
	slices.Sort(t.reads)
}

// factPath is the fields that an expression follows, if that is all it does.
func factPath(n node) []string {
	switch n := n.(type) {
	case *variableNode:
		return []string{n.name}
	case *fieldNode:
		if of := factPath(n.of); of != nil {
			return append(of, n.key)
		}
	}
	return nil
}

func collectReads(test cellTest, reads map[string]bool) {
	add := func(x *Expression) {
		if x == nil {
			return
		}
		for _, path := range x.reads {
			if !strings.HasPrefix(path, placeholder) {
				reads[path] = true
			}
		}
	}
	switch test := test.(type) {
	case equalTest:
		add(test.operand.expression)
	case compareTest:
		add(test.operand.expression)
	case textOperatorTest:
		add(test.operand.expression)
	case rangeTest:
		add(test.low.expression)
		add(test.high.expression)
	case expressionTest:
		add(test.expression)
	case notTest:
		collectReads(test.test, reads)
	case orTest:
		for _, inner := range test {
			collectReads(inner, reads)
		}
	}
}
