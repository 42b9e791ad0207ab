package rules

// Known is a value without the fields that its type does not have: what was recorded for an older form of a table may
// hold facts that a newer one does not take any more.
func (t *Type) Known(v Value) Value {
	switch {
	case t == nil || t.Kind == KindAny:
		return v
	case v.kind == KindList && t.Kind == KindList && t.Items != nil:
		items := make([]Value, len(v.p.items))
		for i, item := range v.p.items {
			items[i] = t.Items.Known(item)
		}
		return List(items...)
	case v.kind == KindRecord && t.Kind == KindRecord:
		items := make([]Value, len(v.p.keys))
		for i, key := range v.p.keys {
			if field, declared := t.Field(key); declared {
				items[i] = field.Type.Known(v.p.items[i])
			} else if t.Open {
				items[i] = t.Extra.Known(v.p.items[i])
			}
		}
		return recordOf(v.p.keys, items)
	}
	return v
}
