package adapters

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// page is which page of a list is asked for: a parameter, or a whole address.
type page struct {
	number int
	cursor rules.Value
	next   *url.URL
}

// runPages makes a request and, if it is paged, follows it to the last page. The result holds the last
// answer and the items of all pages.
func (c *Connection) runPages(ctx context.Context, op *Operation, r *request, vars map[string]rules.Value) (rules.Value, error) {
	at := page{number: 1}
	var items []rules.Value
	seen, several := map[string]bool{}, false
	for {
		answer, err := c.exchange(ctx, op, r, vars, at)
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
		if items = append(items, list.Items()...); len(items) > maxItems {
			return rules.Value{}, contracts.NewError(contracts.Internal, "", "there are more than %d items", maxItems)
		}
		more := false
		if r.paging != nil {
			if more, err = r.paging.advance(&at, with(inner, "items", list), seen, c.base); err != nil {
				return rules.Value{}, drift(op, err)
			}
		}
		several = several || more // a list of one page has none to compare with
		if several && list.Len() > 0 && looped(seen, "items "+list.Hash()) {
			return rules.Value{}, drift(op, fmt.Errorf("the system gave the same page twice"))
		}
		if !more {
			return answer.With("items", rules.List(items...)), nil
		}
		if at.number > r.paging.maxPages {
			return rules.Value{}, contracts.NewError(contracts.Internal, "", "there are more than the %d pages that are read", r.paging.maxPages)
		}
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

func resultVars(vars map[string]rules.Value, answer rules.Value) map[string]rules.Value {
	inner := with(vars, "status", answer.Get("status"))
	inner["headers"], inner["body"] = answer.Get("headers"), answer.Get("body")
	return inner
}

// advance moves to the next page, or reports that there is none.
func (g *paging) advance(at *page, vars map[string]rules.Value, seen map[string]bool, base *url.URL) (bool, error) {
	at.number++
	if g.kind == pagingPage {
		return g.morePages(at.number, vars)
	}
	next, err := g.next.Eval(vars)
	if err != nil {
		return false, fmt.Errorf("next page: %w", err)
	}
	if next.IsMissing() || next.String() == "" {
		return false, nil
	}
	if looped(seen, "next "+next.String()) {
		return false, fmt.Errorf("the system led to the same page twice")
	}
	if g.kind == pagingCursor {
		at.cursor = next
		return true, nil
	}
	at.next, err = nextURL(base, next.String())
	return err == nil, err
}

func (g *paging) morePages(number int, vars map[string]rules.Value) (bool, error) {
	if g.pages == nil {
		return vars["items"].Len() >= g.size, nil
	}
	pages, err := g.pages.Eval(vars)
	if err != nil {
		return false, fmt.Errorf("number of pages: %w", err)
	}
	if pages.Kind() == rules.KindText { // headers hold texts
		count, err := rules.ParseNum(pages.Text())
		if err != nil {
			return false, fmt.Errorf("number of pages: %w", err)
		}
		pages = rules.Number(count)
	}
	return rules.Int(int64(number)).Cmp(pages.Num()) <= 0, nil
}

// nextURL reads an address that the system gave. It must lie where the connection already is: the
// request carries our credentials.
func nextURL(base *url.URL, text string) (*url.URL, error) {
	next, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the address of the next page cannot be read")
	}
	next = base.ResolveReference(next)
	if next.Scheme != base.Scheme || hostPort(next) != hostPort(base) || next.User != nil {
		return nil, fmt.Errorf("the next page lies on another host, %q, and is not followed", next.Host)
	}
	if base.Path != "" && !strings.HasPrefix(next.Path, base.Path+"/") {
		return nil, fmt.Errorf("the next page lies outside of %s and is not followed", base.Path)
	}
	next.Fragment = ""
	return next, nil
}

// apply puts the page's parameter into what is sent.
func (g *paging) apply(at page, in string, pairs []pair) []pair {
	if g == nil || g.in != in {
		return pairs
	}
	switch {
	case g.kind == pagingPage:
		return append(pairs, pair{g.send, fmt.Sprint(at.number)})
	case g.kind == pagingCursor && !at.cursor.IsMissing():
		return append(pairs, pair{g.send, at.cursor.String()})
	}
	return pairs
}

// applyJSON puts the page's parameter into a body.
func (g *paging) applyJSON(at page, body rules.Value) rules.Value {
	switch {
	case g == nil || g.in != "json":
		return body
	case g.kind == pagingPage:
		return body.With(g.send, rules.Number(rules.Int(int64(at.number))))
	case g.kind == pagingCursor && !at.cursor.IsMissing():
		return body.With(g.send, at.cursor)
	}
	return body
}
