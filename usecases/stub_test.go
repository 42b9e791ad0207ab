package usecases

import (
	"crosswalk/rules"
	"crosswalk/source"
)

func stubTable(file string, text []byte) *rules.Table {
	doc := source.Parse(file, text)
	t := &rules.Table{Name: doc.Root.Get("table").Text(), Facts: rules.ParseFields(doc.Root.Get("facts")), Outputs: rules.RecordType()}
	for _, o := range doc.Root.Get("outputs").List() {
		name := o.Get("name").Text()
		k := rules.TypeOf(rules.KindText)
		switch o.Get("type").Text() {
		case "boolean":
			k = rules.TypeOf(rules.KindBool)
		case "number":
			k = rules.TypeOf(rules.KindNumber)
		}
		if e := o.Get("enum"); e.Exists() {
			k = rules.EnumOf(e.Texts()...)
		}
		t.Outputs = t.Outputs.With(rules.Field{Name: name, Type: k, Required: true})
	}
	return t
}
