package rules

import (
	"strconv"
	"strings"

	"crosswalk/source"
)

// Mismatch says why a value of one type cannot go where another type is wanted.
type Mismatch struct {
	Path    string // within the value; "" is the value itself
	Message string
	Hint    string
}

// Accepts says why values of the type got cannot be used where t is wanted; nothing means that they can.
//
// Fields that t does not know are no mismatch: a value that flows may carry more than is asked for, and
// Project drops it. A record of a kind is accepted where the id of such a record is wanted, of whichever
// system, because the runtime finds the counterpart through the links; a bare id of another system is not.
func (t *Type) Accepts(got *Type) []Mismatch {
	a := &assignment{}
	a.check(t, got, "")
	return a.mismatches
}

type assignment struct {
	mismatches []Mismatch
	lenient    bool // any is taken as whatever is wanted, to be checked by Decode
}

func (a *assignment) fail(path, hint, message string) {
	a.mismatches = append(a.mismatches, Mismatch{Path: path, Message: message, Hint: hint})
}

func (a *assignment) check(want, got *Type, path string) {
	switch {
	case got == unknown || got == nil || want.Kind == KindAny:
		return
	case got.Optional && !want.Optional && (got.Kind != KindAny || !a.lenient):
		if got.Kind == KindAny {
			a.fail(path, "give it a type where it is declared", "nothing is known about its type, and "+expectation(want)+" is wanted")
			return
		}
		a.fail(path, "use ?? or a condition with != missing", "it may be missing, and "+expectation(want)+" is wanted")
		return
	case got.Kind == KindMissing || got.Kind == KindAny && a.lenient:
		return
	case want.Ref != "":
		a.checkRef(want, got, path)
		return
	case got.Kind != want.Kind:
		a.fail(path, conversionHint(want, got.Kind), "expected "+expectation(want)+", found "+expectation(got))
		return
	}
	switch want.Kind {
	case KindText, KindNumber:
		a.checkEnum(want, got, path)
	case KindList:
		if want.Items != nil && got.Items != nil {
			a.check(want.Items, got.Items, path+"[]")
		}
	case KindRecord:
		a.checkRecord(want, got, path)
	}
}

func (a *assignment) checkRef(want, got *Type, path string) {
	switch {
	case got.Kind == KindRecord && got.Record == refKind(want.Ref), got.Kind == KindText && got.Ref == want.Ref:
	case got.Kind == KindRecord && got.Record != "":
		a.fail(path, "", "expected "+expectation(want)+", found "+expectation(got))
	case got.Kind == KindText && got.Ref != "":
		a.fail(path, "pass the whole "+refKind(got.Ref)+" record: its counterpart is found through the links",
			"expected "+expectation(want)+", found "+expectation(got))
	case got.Kind == KindText:
		a.fail(path, "pass the whole "+refKind(want.Ref)+" record that an operation returned", "expected "+expectation(want)+", found a text of unknown origin")
	default:
		a.fail(path, "", "expected "+expectation(want)+", found "+expectation(got))
	}
}

func (a *assignment) checkEnum(want, got *Type, path string) {
	if len(want.Enum) == 0 || len(got.Enum) == 0 {
		return
	}
	for _, value := range got.Enum {
		if !want.hasEnum(value) {
			a.fail(path, source.DidYouMean(value.String(), want.enumTexts()), quoted(value.String())+" is not one of "+strings.Join(want.enumTexts(), ", "))
		}
	}
}

func (a *assignment) checkRecord(want, got *Type, path string) {
	if want.Record != "" && got.Record != "" && want.Record != got.Record {
		a.fail(path, "", "expected "+expectation(want)+", found "+expectation(got))
		return
	}
	for _, field := range want.Fields {
		wanted := field.Type.optional(field.Type.Optional || !field.Required)
		given := got.Member(field.Name)
		here := extendPath(path, field.Name)
		switch {
		case want.Record != "" && field.Name == systemField && given == nil:
		case given == nil && !wanted.Optional:
			a.fail(here, "", "the field "+strconv.Quote(field.Name)+" is missing")
		case given != nil:
			a.check(wanted, given, here)
		}
	}
}

func extendPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Project drops the fields of records that a closed type does not know. It is how a value that carries
// more than is wanted fits through Decode.
func (t *Type) Project(v Value) Value {
	switch {
	case v.kind == KindList && t.Kind == KindList && t.Items != nil && t.Items.projects():
		items := make([]Value, len(v.p.items))
		for i, item := range v.p.items {
			items[i] = t.Items.Project(item)
		}
		return List(items...)
	case v.kind == KindRecord && t.Kind == KindRecord:
		keys, items := make([]string, 0, len(v.p.keys)), make([]Value, 0, len(v.p.items))
		for i, key := range v.p.keys {
			item := v.p.items[i]
			if field, declared := t.Field(key); declared {
				item = field.Type.Project(item)
			} else if !t.Open {
				continue
			}
			keys, items = append(keys, key), append(items, item)
		}
		return recordOf(keys, items)
	default:
		return v
	}
}

func (t *Type) projects() bool { return t.Kind == KindRecord || t.Kind == KindList }

func (m Mismatch) text() string {
	if m.Path == "" {
		return m.Message
	}
	return m.Path + ": " + m.Message
}
