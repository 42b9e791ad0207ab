package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

// resolve replaces whole records that stand where an id of this system is wanted by that id: through the links, or
// by looking for the record that is the same thing here.
func (c *call) resolve(ctx context.Context) (rules.Value, *Failure, error) {
	return c.resolveIn(ctx, c.operation.Input, c.in.Input)
}

func (c *call) resolveIn(ctx context.Context, t *rules.Type, v rules.Value) (rules.Value, *Failure, error) {
	switch {
	case t == nil:
		return v, nil, nil
	case t.Ref != "" && v.Kind() == rules.KindRecord:
		return c.linked(ctx, t.Ref, v)
	case v.Kind() == rules.KindList && t.Items != nil:
		items := make([]rules.Value, v.Len())
		for i, item := range v.Items() {
			resolved, failure, err := c.resolveIn(ctx, t.Items, item)
			if failure != nil || err != nil {
				return rules.Value{}, failure, err
			}
			items[i] = resolved
		}
		return rules.List(items...), nil, nil
	case v.Kind() == rules.KindRecord:
		for _, field := range t.Fields {
			old := v.Get(field.Name)
			resolved, failure, err := c.resolveIn(ctx, field.Type, old)
			if failure != nil || err != nil {
				return rules.Value{}, failure, err
			}
			if !old.IsMissing() {
				v = v.With(field.Name, resolved)
			}
		}
	}
	return v, nil, nil
}

// linked finds the id of the record here that is the same thing as a record of whatever system.
func (c *call) linked(ctx context.Context, ref string, record rules.Value) (rules.Value, *Failure, error) {
	system, id := record.Get("system").Text(), record.Get("id").Text()
	if id == "" {
		return rules.Value{}, refuse("the record has no id"), nil
	}
	if system == "" || system == c.in.Route.System {
		return rules.Text(id), nil, nil
	}
	_, kind, _ := strings.Cut(ref, ".")
	from := store.Ref{System: system, Kind: kind, ID: id}
	links, err := c.Store.LinksOf(ctx, from, c.in.Route.System)
	if err != nil {
		return rules.Value{}, nil, err
	}
	for _, link := range links {
		if other := link.Other(from); other.Kind == kind {
			return rules.Text(other.ID), nil, nil
		}
	}
	return c.find(ctx, from, kind, record)
}

// find looks for the record by business keys, with the operation that the contract names for it, and stores the link.
func (c *call) find(ctx context.Context, from store.Ref, kind string, record rules.Value) (rules.Value, *Failure, error) {
	target := c.contract.Records[kind]
	if target == nil || target.Find == nil {
		return rules.Value{}, refuse(fmt.Sprintf("no link leads from %s to %s, and %s cannot look for it", from.System, c.in.Route.System, c.in.Route.System)), nil
	}
	keys := map[string]rules.Value{}
	for _, mapping := range target.Keys {
		keys[mapping.Input] = record.Get(mapping.Field)
	}
	input := rules.Record(keys)
	if input.Len() == 0 {
		return rules.Value{}, refuse("the record of " + from.System + " has none of the keys by which " + c.in.Route.System + " could find it"), nil
	}
	found, err := c.driver.Executor.Execute(ctx, adapters.Call{Operation: target.Find.Name, Input: input})
	if err != nil {
		f := failureOf(err)
		f.NothingSent = true // looking changes nothing: the call itself was not sent
		f.Candidates = Stamp(rules.ListOf(target.Find.Output), c.in.Route.System, f.Candidates)
		if f.Class == contracts.NotUnique {
			f.Unlinked = &Unlinked{System: from.System, Kind: kind, ID: from.ID, To: c.in.Route.System, Find: target.Find.Name}
		}
		if f.Class == contracts.NotFound {
			f.Message = fmt.Sprintf("%s knows nobody by the keys of this record of %s", c.in.Route.System, from.System)
		}
		return rules.Value{}, &f, nil
	}
	return c.link(ctx, from, store.Ref{System: c.in.Route.System, Kind: kind, ID: found.Value.Get("id").Text()}, input, found.Value, target)
}

// link stores that two records are the same thing, and how that was found.
func (c *call) link(ctx context.Context, from, to store.Ref, keys, found rules.Value, kind *contracts.RecordKind) (rules.Value, *Failure, error) {
	by, sure := matching(keys, found, kind)
	evidence, err := json.Marshal(map[string]any{"operation": kind.Find.Name, "asked_by": keys.Keys(), "agree": by})
	if err != nil {
		return rules.Value{}, nil, err
	}
	link, err := c.Store.PutLink(ctx, store.Link{Left: from, Right: to, Evidence: evidence, Confidence: sure, CaseID: c.in.Case})
	if err != nil {
		return rules.Value{}, nil, err
	}
	if link.State != store.LinkActive {
		return rules.Value{}, &Failure{Class: contracts.NotFound, Message: "a person has said that the record found in " + to.System + " is another one", NothingSent: true}, nil
	}
	return rules.Text(to.ID), nil, nil
}

// matching lists the keys that both records share, and how sure that makes the link: an address is a person's, a name
// is many people's.
func matching(keys, found rules.Value, kind *contracts.RecordKind) (by []string, sure float64) {
	sure = 0.6
	for _, mapping := range kind.Keys {
		if !overlap(keys.Get(mapping.Input), found.Get(mapping.Field)) {
			continue
		}
		by = append(by, mapping.Input)
		if mapping.Input != "name" && mapping.Input != "company" {
			sure = 0.95
		}
	}
	return by, sure
}

func overlap(a, b rules.Value) bool {
	if a.IsMissing() || b.IsMissing() {
		return false
	}
	for _, one := range listed(a) {
		for _, other := range listed(b) {
			if strings.EqualFold(one.String(), other.String()) {
				return true
			}
		}
	}
	return false
}

func listed(v rules.Value) []rules.Value {
	if v.Kind() == rules.KindList {
		return v.Items()
	}
	return []rules.Value{v}
}

func refuse(message string) *Failure {
	return &Failure{Class: contracts.NotFound, Message: message, NothingSent: true}
}

// Stamp writes the name of the system into every business record of a value, so that a record says where its id is valid.
func Stamp(t *rules.Type, system string, v rules.Value) rules.Value {
	switch {
	case t == nil || v.IsMissing():
		return v
	case v.Kind() == rules.KindList && t.Items != nil:
		items := make([]rules.Value, v.Len())
		for i, item := range v.Items() {
			items[i] = Stamp(t.Items, system, item)
		}
		return rules.List(items...)
	case v.Kind() == rules.KindRecord:
		for _, field := range t.Fields {
			if inner := v.Get(field.Name); !inner.IsMissing() && field.Type != nil && (field.Type.Kind == rules.KindRecord || field.Type.Kind == rules.KindList) {
				v = v.With(field.Name, Stamp(field.Type, system, inner))
			}
		}
		if t.Record != "" {
			v = v.With("system", rules.Text(system))
		}
	}
	return v
}
