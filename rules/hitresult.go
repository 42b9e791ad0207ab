package rules

import (
	"fmt"
	"slices"
	"strings"
)

// result makes one result of the rows that matched, as the hit policy says.
func (t *Table) result(d *deciding) (Value, error) {
	if len(d.hits) == 0 {
		return t.noMatch(d)
	}
	switch t.hit {
	case First:
		return t.rowValue(d, d.hits[0])
	case Unique:
		if len(d.hits) > 1 {
			return Value{}, t.conflict(d, "at most one may", "make them exclude each other, or use hit: first")
		}
		return t.rowValue(d, d.hits[0])
	case Count:
		return Number(Int(int64(len(d.hits)))), nil
	}
	var values []Value
	for _, hit := range d.hits {
		v, err := t.rowValue(d, hit)
		if err != nil {
			return Value{}, err
		}
		values = append(values, v)
	}
	switch t.hit {
	case Any:
		for i := range values {
			if !values[i].Equal(values[0]) {
				d.hits = []int{d.hits[0], d.hits[i]}
				return Value{}, t.conflict(d, "they decide differently", "give them the same outputs, or make them exclude each other")
			}
		}
		return values[0], nil
	case Priority:
		t.byRank(d, values)
		d.hits = d.hits[:1]
		return values[0], nil
	case OutputOrder:
		t.byRank(d, values)
		return t.listed(values), nil
	case Sum, Min, Max:
		return t.aggregated(d, values)
	default:
		return t.listed(values), nil
	}
}

// rowValue is the record of a row's outputs.
func (t *Table) rowValue(d *deciding, hit int) (Value, error) {
	r := &t.rows[hit]
	if r.fixed {
		return r.value, nil
	}
	return t.typed(d, r.outputs, t.Outputs, r.id, r.place)
}

// typed computes outputs and holds them to their type.
func (t *Table) typed(d *deciding, template *Template, want *Type, id string, place Place) (Value, error) {
	v, cell := d.fill(template.root)
	if cell != nil {
		return Value{}, &DecisionError{Table: t.Name, Place: place, Row: id, Message: cell.Message, Hint: cell.Hint, Cell: cell}
	}
	v, err := want.Decode(v)
	if err != nil {
		return Value{}, &DecisionError{Table: t.Name, Place: place, Row: id, Message: err.Error()}
	}
	return v, nil
}

func (t *Table) noMatch(d *deciding) (Value, error) {
	switch {
	case t.fallback != nil:
		if v, fixed := t.fallback.Literal(); fixed { // its type was checked when it was read
			return v, nil
		}
		return t.typed(d, t.fallback, t.Result, DefaultRow, Place{File: t.file})
	case t.empty && t.Result.Kind == KindList:
		return List(), nil
	case t.empty:
		return Number(Num{}), nil
	default:
		return Value{}, &DecisionError{Table: t.Name, Place: Place{File: t.file}, NoMatch: true,
			Message: "no row matches these facts", Hint: "add a row for them, or a default"}
	}
}

// conflict names the rows that matched although they may not do so together.
func (t *Table) conflict(d *deciding, rule, hint string) *DecisionError {
	const most = 10
	var ids []string
	for _, hit := range d.hits[:min(len(d.hits), most)] {
		ids = append(ids, t.rows[hit].id)
	}
	names := strings.Join(ids[:len(ids)-1], ", ") + " and " + ids[len(ids)-1]
	if more := len(d.hits) - most; more > 0 {
		names = fmt.Sprintf("%s and %d more", strings.Join(ids, ", "), more)
	}
	match := "all match"
	if len(d.hits) == 2 {
		match = "both match"
	}
	second := &t.rows[d.hits[1]]
	return &DecisionError{Table: t.Name, Place: second.place, Row: second.id, Message: fmt.Sprintf("rows %s %s, and %s", names, match, rule), Hint: hint}
}

// listed is the list of what rows decided: of values if there is one output, else of records.
func (t *Table) listed(values []Value) Value {
	if len(t.Outputs.Fields) != 1 {
		return List(values...)
	}
	items := make([]Value, 0, len(values))
	for _, v := range values {
		if item := v.Get(t.Outputs.Fields[0].Name); !item.IsMissing() {
			items = append(items, item)
		}
	}
	return List(items...)
}

// aggregated is the sum, the least or the greatest of what rows decided.
func (t *Table) aggregated(d *deciding, values []Value) (Value, error) {
	var total Value
	for i, v := range values {
		item := v.Get(t.Outputs.Fields[0].Name)
		switch {
		case item.IsMissing():
		case total.IsMissing():
			total = item
		case t.hit == Sum:
			r := &t.rows[d.hits[i]]
			if err := d.pay(calculationSteps("+", total.Num(), item.Num())); err != nil {
				return Value{}, &DecisionError{Table: t.Name, Place: r.place, Row: r.id, Message: err.Message, Hint: err.Hint}
			}
			sum, err := total.Num().Add(item.Num())
			if err != nil {
				return Value{}, &DecisionError{Table: t.Name, Place: r.place, Row: r.id, Message: "the sum: " + err.Error()}
			}
			total = Number(sum)
		case t.hit == Min && item.order(total) < 0, t.hit == Max && item.order(total) > 0:
			total = item
		}
	}
	if total.IsMissing() && t.hit == Sum {
		return Number(Num{}), nil
	}
	return total, nil
}

// ranked is an output whose values have an order: how early each of them stands in it.
type ranked struct {
	name  string
	order map[string]int
}

// position is how early the value of a row's output comes.
func (r ranked) position(outputs Value) int {
	if at, ok := r.order[outputs.Get(r.name).String()]; ok {
		return at
	}
	return len(r.order)
}

// byRank sorts the rows that matched, and their values, by the ranks of their outputs. What is missing comes last; equal
// ones stay in the order of the rows.
func (t *Table) byRank(d *deciding, values []Value) {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		for _, r := range t.ranked {
			if c := r.position(values[a]) - r.position(values[b]); c != 0 {
				return c
			}
		}
		return 0
	})
	hits, sorted := slices.Clone(d.hits), slices.Clone(values)
	for to, from := range order {
		d.hits[to], values[to] = hits[from], sorted[from]
	}
}
