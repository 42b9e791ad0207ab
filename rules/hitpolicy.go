package rules

// HitPolicy says what a table decides if several rows match.
type HitPolicy string

// The hit policies, by the names that files use.
const (
	Unique      HitPolicy = "unique"       // at most one row may match
	Any         HitPolicy = "any"          // several may, if they decide the same
	First       HitPolicy = "first"        // the first from the top decides
	Priority    HitPolicy = "priority"     // the one whose outputs come first among their values
	Collect     HitPolicy = "collect"      // all, as a list in the order of the rows
	RuleOrder   HitPolicy = "rule_order"   // the same; DMN has both
	OutputOrder HitPolicy = "output_order" // all, as a list in the order of the outputs' values
	Sum         HitPolicy = "sum"          // of the one output of all of them
	Min         HitPolicy = "min"
	Max         HitPolicy = "max"
	Count       HitPolicy = "count" // how many match
)

// HitPolicies lists all hit policies.
var HitPolicies = []HitPolicy{Unique, Any, First, Priority, Collect, RuleOrder, OutputOrder, Sum, Min, Max, Count}

// several says whether more than one row may take part in a decision.
func (h HitPolicy) several() bool { return h != Unique && h != First && h != Priority }

// list says whether the result is a list.
func (h HitPolicy) list() bool { return h == Collect || h == RuleOrder || h == OutputOrder }

// single says whether the result is made of one output.
func (h HitPolicy) single() bool { return h == Sum || h == Min || h == Max }

func hitPolicyNames() []string {
	names := make([]string, len(HitPolicies))
	for i, policy := range HitPolicies {
		names[i] = string(policy)
	}
	return names
}

// Hit is the table's hit policy; empty if it has no rows of its own.
func (t *Table) Hit() HitPolicy { return t.hit }

// policy reads the hit policy.
func (b *tableBuilder) policy() {
	n := b.keys["hit"]
	if n == nil {
		b.doc.Root.Errorf("write hit: unique (at most one row matches) or hit: first (from top to bottom)", "the field %q is missing", "hit")
	}
	if b.table.hit = HitPolicy(n.OneOf(hitPolicyNames()...)); b.table.hit == "" {
		b.table.hit = Unique
	}
}

// checkPolicy finds outputs that the hit policy can do nothing with, and fixes their ranks.
func (b *tableBuilder) checkPolicy() {
	t := b.table
	n := b.keys["hit"]
	switch {
	case t.hit.single() && len(b.outputs) != 1:
		n.Errorf("", "hit: %s is about one output, and there are %d", t.hit, len(b.outputs))
	case t.hit == Sum && b.outputs[0].Type.Kind != KindNumber:
		n.Errorf("give the output type: number", "hit: sum adds numbers, and %s is %s", quoted(b.outputs[0].Name), article(b.outputs[0].Type.String()))
	case t.hit.single() && (!ordered(b.outputs[0].Type.Kind) || b.outputs[0].Type.Kind == KindText):
		n.Errorf("", "hit: %s needs an output that has an order, and %s is %s", t.hit, quoted(b.outputs[0].Name), article(b.outputs[0].Type.String()))
	}
	for _, output := range b.outputs {
		if len(output.Type.Enum) > 0 {
			r := ranked{name: output.Name, order: map[string]int{}}
			for i, value := range output.Type.Enum {
				r.order[value.String()] = i
			}
			t.ranked = append(t.ranked, r)
		}
	}
	if (t.hit == Priority || t.hit == OutputOrder) && len(t.ranked) == 0 {
		n.Errorf("give an output its values: [most important, …, least important]", "hit: %s goes by the order of an output's values, and no output has any", t.hit)
	}
}

// resultType is the type of what the hit policy makes of the rows' outputs.
func (b *tableBuilder) resultType() *Type {
	t := b.table
	of := t.Outputs
	switch {
	case t.hit.list() && len(of.Fields) == 1:
		return ListOf(of.Fields[0].Type.AsPresent())
	case t.hit.list():
		return ListOf(of)
	case t.hit == Count:
		return &Type{Kind: KindNumber, Integer: true}
	case t.hit == Sum:
		return &Type{Kind: KindNumber, Title: of.Fields[0].Type.Title, Integer: of.Fields[0].Type.Integer}
	case t.hit.single():
		return of.Fields[0].Type.optional(!of.Fields[0].Required)
	default:
		return of
	}
}

// defaults reads what holds if no row matches.
func (b *tableBuilder) defaults() {
	t := b.table
	fallback, noMatch := b.keys["default"], b.keys["no_match"]
	if noMatch != nil {
		t.empty = noMatch.OneOf("error", "empty") == "empty"
		if t.empty && !t.hit.list() && t.hit != Sum && t.hit != Count {
			noMatch.Errorf("write no_match: error, or a default", "hit: %s has no empty result", t.hit)
		}
		if fallback != nil {
			noMatch.Errorf("remove one of them", "no_match and default contradict each other")
		}
	}
	if t.Outputs == nil {
		return
	}
	t.Result = b.resultType()
	if fallback == nil {
		return
	}
	if t.Result != t.Outputs {
		t.fallback = CompileTemplate(fallback, b.env, t.Result, b.options)
		return
	}
	want := RecordType()
	for i, output := range b.outputs {
		want.Fields = append(want.Fields, Field{Name: output.Name, Type: output.Type, Required: b.needed[i]})
	}
	t.fallback = CompileTemplate(fallback, b.env, want, b.options)
	for i := range t.Outputs.Fields {
		field := &t.Outputs.Fields[i]
		if given := t.fallback.result.Member(field.Name); given == nil || given.Optional {
			field.Required = false
		}
	}
}
