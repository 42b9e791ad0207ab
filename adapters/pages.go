package adapters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// runPages makes a request and, if it is paged, follows it to the last page. The result holds the last
// answer and the items of all pages.
func (c *Connection) runPages(ctx context.Context, op *Operation, r *request, vars map[string]rules.Value) (rules.Value, error) {
	at := page{number: 1}
	kept := collection{where: r.where}
	seen, several := map[string]bool{}, false
	for {
		answer, err := c.exchange(ctx, op, r, vars, &at)
		if err != nil {
			return rules.Value{}, err
		}
		if r.items == nil || emptyStatus(r, answer) {
			return answer, nil
		}
		inner := resultVars(vars, answer)
		list, err := r.items.Eval(inner)
		if err != nil {
			return rules.Value{}, drift(op, fmt.Errorf("items: %w", err))
		}
		if kind := list.Kind(); kind != rules.KindList && kind != rules.KindMissing {
			return rules.Value{}, drift(op, fmt.Errorf("items: a %s is no list", kind))
		}
		more := false
		if r.paging != nil {
			if more, err = r.paging.advance(&at, c, with(inner, "items", list), list, seen); err != nil {
				return rules.Value{}, drift(op, err)
			}
		}
		several = several || more // a list of one page has none to compare with
		if several && list.Len() > 0 && looped(seen, fingerprint(list)) {
			return rules.Value{}, drift(op, fmt.Errorf("the system gave the same page twice"))
		}
		if err := kept.add(op, list, inner, several); err != nil {
			return rules.Value{}, err
		}
		if !more {
			return answer.With("items", rules.List(kept.items...)), nil
		}
		if at.number > r.paging.maxPages {
			return rules.Value{}, tooLong("there are more than the %d pages that are read", r.paging.maxPages)
		}
	}
}

// errTooLong marks a list of which not everything is read: asked again, it is as long.
var errTooLong = errors.New("the list is too long")

func tooLong(format string, args ...any) error {
	failure := contracts.NewError(contracts.Internal, "", format, args...)
	failure.Err = errTooLong
	return failure
}

// collection is what is kept of a list's pages.
type collection struct {
	where *rules.Expression
	items []rules.Value
	size  int64
}

// add takes over the items that are wanted. Those of one of several pages are copied: a text that was read from a page
// is a piece of it, and a page must not stay in memory for the one item that is kept.
func (k *collection) add(op *Operation, list rules.Value, vars map[string]rules.Value, several bool) error {
	for _, item := range list.Items() {
		if k.where != nil {
			holds, err := condition(k.where, with(vars, "item", item))
			if err != nil {
				return drift(op, fmt.Errorf("where: %w", err))
			}
			if !holds {
				continue
			}
		}
		if several {
			item = k.copied(item)
		}
		if k.items = append(k.items, item); len(k.items) > maxItems {
			return tooLong("there are more than %d items; where: keeps fewer", maxItems)
		}
	}
	if k.size > maxAnswer {
		return tooLong("the items of all pages are larger than %d MB; where: keeps fewer", maxAnswer>>20)
	}
	return nil
}

// copied is a value that shares no memory with the text it was read from.
func (k *collection) copied(value rules.Value) rules.Value {
	k.size += 64
	switch value.Kind() {
	case rules.KindText:
		k.size += int64(len(value.Text()))
		return rules.Text(strings.Clone(value.Text()))
	case rules.KindList:
		items := make([]rules.Value, value.Len())
		for i, item := range value.Items() {
			items[i] = k.copied(item)
		}
		return rules.List(items...)
	case rules.KindRecord:
		fields := make(map[string]rules.Value, value.Len())
		for i, key := range value.Keys() {
			k.size += int64(len(key))
			fields[strings.Clone(key)] = k.copied(value.Items()[i])
		}
		return rules.Record(fields)
	default:
		return value
	}
}

// emptyStatus says that the answer was a status which means: nothing there.
func emptyStatus(r *request, answer rules.Value) bool {
	status, _ := answer.Get("status").Num().Int64()
	return slices.Contains(r.empty, int(status))
}

// looped remembers what was seen and says whether it was seen before.
func looped(seen map[string]bool, what string) bool {
	if seen[what] {
		return true
	}
	seen[what] = true
	return false
}

// fingerprint is how a page is known again: by the ids of its first and last item, whatever else in them has changed
// since, or by all of it where items have no id.
func fingerprint(list rules.Value) string {
	first, last := identity(list.At(0)), identity(list.At(list.Len()-1))
	if first == "" || last == "" {
		return "page " + list.Hash()
	}
	return fmt.Sprintf("items %d %q %q", list.Len(), first, last)
}

// identity is the id of an item; "" if it has none.
func identity(item rules.Value) string {
	for _, name := range []string{"id", "Id", "ID", "_id", "sys_id", "uuid", "gid"} {
		if id := item.Get(name); id.Kind() == rules.KindText || id.Kind() == rules.KindNumber {
			return id.String()
		}
	}
	if id := item.Path("node", "id"); id.Kind() == rules.KindText { // an edge of GraphQL
		return id.Text()
	}
	return ""
}

func resultVars(vars map[string]rules.Value, answer rules.Value) map[string]rules.Value {
	inner := with(vars, "status", answer.Get("status"))
	inner["headers"], inner["body"] = answer.Get("headers"), answer.Get("body")
	return inner
}
