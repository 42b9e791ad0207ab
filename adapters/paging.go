package adapters

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// The kinds of paging.
const (
	pagingCursor = "cursor"   // the answer names the next page's cursor
	pagingPage   = "page"     // pages are numbered
	pagingOffset = "offset"   // so many items are left out
	pagingKeyset = "keyset"   // what comes after the last item
	pagingNext   = "next_url" // the answer gives the next page's address
	pagingLink   = "link"     // the header Link gives it
)

var pagingKinds = []string{pagingCursor, pagingPage, pagingOffset, pagingKeyset, pagingNext, pagingLink}

var pagingShape = source.Record(
	source.Field{Name: "kind", Is: source.Choice(pagingKinds...), Required: true, About: "cursor: the answer names the next page; page: pages are numbered; offset: so many items are left out; keyset: what comes after the last item; next_url: the answer gives the address; link: its header Link does.", Example: "cursor"},
	source.Field{Name: "next", Is: source.Template(), About: "Of cursor and next_url: where the answer says it; missing or empty ends. Of keyset: what is sent to get what follows, made of last, the page's last item.", Example: "'${body.cursor}'"},
	source.Field{Name: "page_info", Is: source.Template(), About: "Of cursor, in place of next: GraphQL's pageInfo, with hasNextPage and endCursor.", Example: "'${body.data.orders.pageInfo}'"},
	source.Field{Name: "pages", Is: source.Template(), About: "Of page: how many pages there are.", Example: "'${headers.x_total_pages}'"},
	source.Field{Name: "total", Is: source.Template(), About: "Of offset and page: how many items there are in all pages.", Example: "'${body.total}'"},
	source.Field{Name: "send", Is: source.Text(), About: "Of cursor, page, offset and keyset: the parameter; in a body also a path, as in paging.after.", Example: "page"},
	source.Field{Name: "in", Is: source.Choice(pagingPlaces...), About: "Where the parameter is sent.", Default: "query; variables with graphql", Example: "json"},
	source.Field{Name: "start", Is: source.Whole(), About: "Of page and offset: the first one.", Default: "page 1, offset 0", Example: "0"},
	source.Field{Name: "size", Is: source.Whole(), About: "How many items a full page has: one that is not full is the last.", Example: "100"},
	source.Field{Name: "max_pages", Is: source.Whole(), Required: true, About: "How many pages are read at most; more are an error.", Example: "50"},
)

var pagingPlaces = []string{"query", "form", "json", "variables"}

// paging says how the next page is asked for and when there is none.
type paging struct {
	kind     string
	next     *rules.Template // cursor, next_url: missing ends
	info     *rules.Template // cursor: GraphQL's pageInfo
	pages    *rules.Template // page: how many there are
	total    *rules.Template // page, offset: how many items there are
	send     string          // the name under which cursor, number or offset go out
	in       string          // query, form, json or variables
	start    int             // the first page or offset
	size     int             // how many items a full page has; 0: nothing is known
	maxPages int
}

func (p *parser) paging(node *source.Node, r *request, in scope) *paging {
	if !node.Exists() {
		return nil
	}
	fields := node.Fields(pagingShape)
	g := &paging{
		kind:     node.Required("kind", strings.Join(pagingKinds, ", ")).OneOf(pagingKinds...),
		next:     in.template(fields["next"]),
		info:     in.template(fields["page_info"]),
		pages:    in.template(fields["pages"]),
		total:    in.template(fields["total"]),
		send:     fields["send"].Text(),
		in:       "query",
		size:     positive(fields["size"]),
		maxPages: positive(node.Required("max_pages", "bound the number of pages")),
	}
	if r.graphql != nil {
		g.in = "variables"
	}
	if g.kind == pagingLink {
		in.reading([]string{"headers"})
	}
	if fields["in"].Exists() {
		g.in = fields["in"].OneOf(pagingPlaces...)
	}
	if g.kind == pagingPage {
		g.start = 1
	}
	if fields["start"].Exists() {
		g.start = fields["start"].Int()
	}
	g.check(node, r)
	return g
}

// check holds the fields to the kind.
func (g *paging) check(node *source.Node, r *request) {
	unsent := g.send == "" && r.rpc == nil // the parameters of a procedure read the page themselves
	switch {
	case g.kind == pagingCursor && (g.next == nil && g.info == nil || unsent):
		node.Errorf("next: where the answer has the cursor (or page_info); send: the parameter that carries it", "cursor paging needs next and send")
	case g.kind == pagingPage && (unsent || g.pages == nil && g.total == nil && g.size == 0):
		node.Errorf("send: the parameter; pages: where the answer has their number, or size: how many items a full page has", "page paging needs send, and pages or size")
	case g.kind == pagingPage && g.total != nil && g.size == 0:
		node.Errorf("size: how many items a full page has", "page paging with a total needs the size of a page")
	case g.kind == pagingOffset && unsent:
		node.Errorf("send: the parameter that carries how many items are left out", "offset paging needs send")
	case g.kind == pagingKeyset && (g.next == nil || unsent):
		node.Errorf("next: what is sent, as in '${last.id}'; send: the parameter that carries it", "keyset paging needs next and send")
	case g.kind == pagingNext && g.next == nil:
		node.Errorf("next: where the answer has the address, as in '${body.next}'", "next_url paging needs next")
	}
	if g.in == "variables" && r.graphql == nil || g.in == "json" && r.json == nil || g.in == "form" && r.form == nil {
		node.Errorf("send it where the request has a body of that kind, or in: query", "the request has no %s", g.in)
	}
}

// page is which page of a list is asked for: a parameter, or a whole address.
type page struct {
	number int         // from 1
	passed int         // how many items the pages before it had
	cursor rules.Value // cursor, keyset
	next   *url.URL    // next_url, link
	asked  *url.URL    // the address of the request that was made for it
}

// advance moves to the next page, or reports that there is none.
func (g *paging) advance(at *page, c *Connection, vars map[string]rules.Value, list rules.Value, seen map[string]bool) (bool, error) {
	at.number++
	at.passed += list.Len()
	switch g.kind {
	case pagingPage, pagingOffset:
		return g.counts(at, vars, list)
	case pagingKeyset:
		if list.Len() == 0 || g.size > 0 && list.Len() < g.size {
			return false, nil
		}
		vars = with(vars, "last", list.At(list.Len()-1))
	}
	next, err := g.following(vars)
	if err != nil {
		return false, fmt.Errorf("next page: %w", err)
	}
	if next.IsMissing() || next.String() == "" {
		if g.kind == pagingKeyset {
			return false, fmt.Errorf("next page: the last item does not have what the next page is asked by")
		}
		return false, nil
	}
	if looped(seen, "next "+next.String()) {
		return false, fmt.Errorf("the system led to the same page twice")
	}
	if g.kind == pagingCursor || g.kind == pagingKeyset {
		at.cursor = next
		return true, nil
	}
	at.next, err = c.nextURL(at.asked, next.String())
	return err == nil, err
}

// following is what leads to the next page; missing ends.
func (g *paging) following(vars map[string]rules.Value) (rules.Value, error) {
	switch {
	case g.info != nil:
		info, err := g.info.Eval(vars)
		if err != nil || !info.Get("hasNextPage").Bool() {
			return rules.Missing(), err
		}
		if info.Get("endCursor").IsMissing() {
			return rules.Value{}, fmt.Errorf("there is one, and its cursor is not given")
		}
		return info.Get("endCursor"), nil
	case g.next != nil:
		return g.next.Eval(vars)
	default:
		return nextLink([]rules.Value{vars["headers"].Get("link")})
	}
}

// counts says whether there are more pages where they are counted.
func (g *paging) counts(at *page, vars map[string]rules.Value, list rules.Value) (bool, error) {
	switch {
	case g.pages != nil:
		pages, err := count(g.pages, vars)
		return int64(at.number) <= pages, err
	case g.total != nil:
		total, err := count(g.total, vars)
		if err == nil && list.Len() == 0 && int64(at.passed) < total {
			err = fmt.Errorf("the list ended after %d of %d items", at.passed, total)
		}
		if g.kind == pagingPage { // what a page leaves out is counted too
			return int64(at.number-1)*int64(g.size) < total, err
		}
		return int64(at.passed) < total, err
	case g.size > 0:
		return list.Len() >= g.size, nil
	default:
		return list.Len() > 0, nil
	}
}

// count reads a whole number, which in a header is a text.
func count(template *rules.Template, vars map[string]rules.Value) (int64, error) {
	value, err := template.Eval(vars)
	if err == nil && value.Kind() == rules.KindText {
		var number rules.Num
		number, err = rules.ParseNum(strings.TrimSpace(value.Text()))
		value = rules.Number(number)
	}
	if err != nil {
		return 0, fmt.Errorf("number of pages: %w", err)
	}
	whole, ok := value.Num().Int64()
	if value.Kind() != rules.KindNumber || !ok || whole < 0 {
		return 0, fmt.Errorf("number of pages: %s is no whole number", value)
	}
	return whole, nil
}

// nextURL reads an address that the system gave, seen from the address that was asked. It must lie where the connection
// already is: the request carries our credentials.
func (c *Connection) nextURL(asked *url.URL, text string) (*url.URL, error) {
	next, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the address of the next page cannot be read")
	}
	next = asked.ResolveReference(next)
	if next.Scheme != c.where().Scheme || hostPort(next) != hostPort(c.where()) || next.User != nil {
		return nil, fmt.Errorf("the next page lies on another host, %q, and is not followed", next.Host)
	}
	// A server may take %2e%2e and a backslash for what they stand for.
	if real := path.Clean(strings.ReplaceAll(next.Path, `\`, "/")); c.where().Path != "" && !strings.HasPrefix(real+"/", c.where().Path+"/") {
		return nil, fmt.Errorf("the next page lies outside of %s and is not followed", c.where().Path)
	}
	next.Fragment = ""
	return next, nil
}

// parameter is what is sent to get the page; missing if nothing is.
func (g *paging) parameter(at page) rules.Value {
	switch g.kind {
	case pagingPage:
		return rules.Number(rules.Int(int64(g.start + at.number - 1)))
	case pagingOffset:
		return rules.Number(rules.Int(int64(g.start + at.passed)))
	case pagingCursor, pagingKeyset:
		return at.cursor
	}
	return rules.Missing()
}

// apply puts the page's parameter into what is sent.
func (g *paging) apply(at page, in string, pairs []pair) []pair {
	if g == nil || g.in != in {
		return pairs
	}
	if value := g.parameter(at); !value.IsMissing() {
		return append(pairs, pair{g.send, value.String()})
	}
	return pairs
}

// applyTree puts the page's parameter into a body.
func (g *paging) applyTree(at page, in string, body rules.Value) rules.Value {
	if g == nil || g.in != in {
		return body
	}
	value := g.parameter(at)
	if value.IsMissing() {
		return body
	}
	return set(body, strings.Split(g.send, "."), value)
}

func set(record rules.Value, path []string, value rules.Value) rules.Value {
	if len(path) > 1 {
		value = set(record.Get(path[0]), path[1:], value)
	}
	return record.With(path[0], value)
}
