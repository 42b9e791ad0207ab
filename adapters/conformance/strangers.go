package conformance

import (
	"context"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// strangerKey is the key of somebody else's write.
const strangerKey = "4N0TH3R-WR1T3"

// strangerDisturbances let a look-up answer the record of another write: alone, as a system does that passes over a filter
// that it does not know and gives the newest, and in front of ours.
func (s subject) strangerDisturbances() []disturbance {
	if s.op.Safety.Lookup == "" || !s.lookupTested() {
		return nil
	}
	if !s.repeatsKey() {
		s.find(Finding{Operation: s.op.Name, Check: checkStrangers, Expected: "answers of the look-up " + s.op.Safety.Lookup + " that repeat the key of the write", Found: "none does, so that nobody sees whose record it is", File: s.tests.File, Line: s.test.Line,
			Untested: true, Change: "ask for the field with the key too, and compare it: items: '${filter(body.items, .key_field == input.key)}'"})
		return nil
	}
	var all []disturbance
	add := func(name string, stranger func(rules.Value, string) rules.Value, done bool) {
		all = append(all, disturbance{checkStrangers, name, func(ctx context.Context) { s.strangers(ctx, name, stranger, done) }})
	}
	add("the look-up answers the record of another write", another, false)
	add("the look-up answers the record of another write in front of ours", another, true)
	if !s.asksForKey() { // else the system passed over what was asked, and nothing must be taken for certain
		add("the look-up comes upon a record without a key, in front of ours", without, true)
	}
	return all
}

const checkStrangers = "a look-up finds what was written, and nothing else"

// strangers loses the answer of a write, done or not, and has the look-up answer another's record.
func (s *subject) strangers(ctx context.Context, name string, stranger func(rules.Value, string) rules.Value, done bool) {
	world := &World{subject: s}
	base, leave := s.room(world.serve)
	defer leave()
	world.base = base
	limited, giveUp := context.WithTimeout(ctx, limitOfTrial)
	defer giveUp()
	connection, err := Connect(s.adapter, s.tests, base)
	if err != nil {
		return
	}
	defer connection.Close()
	sent := s.longAgo()
	if s.op.Safety.TTL > 0 {
		sent = sent.Add(-2 * s.op.Safety.TTL) // the key is forgotten: it is looked up
	}
	call := s.test.call()
	if done {
		if _, err := connection.Call(limited, call); err != nil {
			return // its test says so
		}
	}
	call.FirstSent = sent
	ours, _ := connection.Call(limited, call) // as it is looked up undisturbed
	if !done {
		world = &World{subject: s, base: base}
		other, leave := s.room(world.serve)
		defer leave()
		world.base = other
		if connection, err = Connect(s.adapter, s.tests, other); err != nil {
			return
		}
		defer connection.Close()
	}
	world.mu.Lock()
	world.stranger = stranger
	world.mu.Unlock()
	output, err := connection.Call(limited, call)
	effects := world.Effects()
	f := Finding{Operation: s.op.Name, Check: checkStrangers, Fault: name, File: s.adapter.File,
		Change: "compare what the look-up " + s.op.Safety.Lookup + " finds: items: '${filter(body.items, .key_field == input.key)}', with the field that holds the key"}
	switch {
	case err != nil && contracts.ClassOf(err) == contracts.Drift && strings.Contains(err.Error(), "is missing"):
		f.Expected, f.Found = "that it is passed over", err.Error()
		f.Change = "let the field be missing in what " + s.op.Safety.Lookup + ` looks through: (item.key_field ?? "") == input.key`
	case err != nil && contracts.ClassOf(err) == contracts.NotFound:
		f.Expected, f.Found = "the write, or an unknown outcome", err.Error()
	case err != nil:
		return
	case effects == 0:
		f.Expected, f.Found = "that nothing of ours is found, and the write is sent", "it took the record of another write for its own: "+short(string(output.Plain()))
	case done && !output.Equal(ours) && strings.Contains(string(output.Plain()), strangerMark):
		f.Expected, f.Found = short(string(ours.Plain())), "it took the record of another write for its own: "+short(string(output.Plain()))
	default:
		return
	}
	s.find(f)
}

// strangerMark stands in every id of a stranger's record.
const strangerMark = "7734"

// repeatsKey says whether the answer with which the look-up finds something holds the key.
func (s *subject) repeatsKey() bool {
	return slices.ContainsFunc(s.tests.Tests, func(test Test) bool {
		key := test.Input.Get("key").Text()
		return test.Operation == s.op.Safety.Lookup && test.Error == nil && len(key) >= 2 && slices.ContainsFunc(test.Exchanges, func(x Exchange) bool {
			return strings.Contains(string(x.Reply.JSON.Plain()), key)
		})
	})
}

// asksForKey says whether the look-up gives the system the key, which then finds nothing else.
func (s *subject) asksForKey() bool {
	return slices.ContainsFunc(s.tests.Tests, func(test Test) bool {
		key := test.Input.Get("key").Text()
		return test.Operation == s.op.Safety.Lookup && test.Error == nil && len(key) >= 2 && slices.ContainsFunc(test.Exchanges, func(x Exchange) bool {
			asked := x.Expect.URL + string(x.Expect.JSON.Plain()) + x.Expect.Text
			for _, text := range x.Expect.Form {
				asked += text
			}
			return strings.Contains(asked, key)
		})
	})
}

// strange is an answer in which every record that holds the key is a stranger's: alone, or in front of ours.
func strange(v rules.Value, key string, stranger func(rules.Value, string) rules.Value, among bool) rules.Value {
	switch v.Kind() {
	case rules.KindList:
		var items []rules.Value
		for _, item := range v.Items() {
			if item.Kind() == rules.KindRecord && strings.Contains(string(item.Plain()), key) {
				items = append(items, stranger(item, key))
				if !among {
					continue
				}
			}
			items = append(items, item)
		}
		return rules.List(items...)
	case rules.KindRecord:
		inList := false
		for _, name := range v.Keys() {
			inner := v.Get(name)
			if inner.Kind() == rules.KindList || inner.Kind() == rules.KindRecord {
				changed := strange(inner, key, stranger, among)
				inList = inList || !changed.Equal(inner)
				v = v.With(name, changed)
			}
		}
		if !inList && !among {
			return stranger(v, key)
		}
	}
	return v
}

// another is a record with another key and other ids.
func another(v rules.Value, key string) rules.Value {
	switch v.Kind() {
	case rules.KindText:
		return rules.Text(strings.ReplaceAll(v.Text(), key, strangerKey))
	case rules.KindList:
		items := make([]rules.Value, v.Len())
		for i, item := range v.Items() {
			items[i] = another(item, key)
		}
		return rules.List(items...)
	case rules.KindRecord:
		for _, name := range v.Keys() {
			inner := another(v.Get(name), key)
			if lower := strings.ToLower(name); strings.HasSuffix(lower, "id") || lower == "number" || lower == "ts" {
				switch {
				case inner.Kind() == rules.KindNumber:
					if number, err := rules.ParseNum(strangerMark + inner.String()); err == nil {
						inner = rules.Number(number)
					}
				case inner.Kind() == rules.KindText && inner.Text() != "" && !strings.Contains(inner.Text(), strangerKey):
					inner = rules.Text(strangerMark + inner.Text())
				}
			}
			v = v.With(name, inner)
		}
	}
	return v
}

// without is a value without the texts that hold a key.
func without(v rules.Value, key string) rules.Value {
	switch v.Kind() {
	case rules.KindText:
		if strings.Contains(v.Text(), key) {
			return rules.Missing()
		}
	case rules.KindList:
		var items []rules.Value
		for _, item := range v.Items() {
			if item = without(item, key); !item.IsMissing() {
				items = append(items, item)
			}
		}
		return rules.List(items...)
	case rules.KindRecord:
		for _, name := range v.Keys() {
			v = v.With(name, without(v.Get(name), key))
		}
	}
	return v
}
