package robots

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/rules"
	"crosswalk/source"
)

// request is what the fence judges: a request of a page, before it leaves.
type request struct {
	method, address string
	form            url.Values // of the body; nil if there is none that can be read
	document        bool       // a page is opened with it
	unread          bool       // there is a body, and it cannot be read
	files           []string   // the names of the files in its form
	raw             bool       // its body is nothing but a file
	text            string     // of a body that is no form
}

// requestRule recognises requests by method, address and fields of the form that is sent.
type requestRule struct {
	method string // "" is any
	url    string // with *, compared with the whole address and with its path
	// form is fields of the body or of the address, and all that they must hold, in this order: what an application
	// makes of a field that is there twice is its own affair. One that must not be there holds nothing.
	form map[string][]string
}

func (rule requestRule) matches(r request, target *url.URL) bool {
	if rule.method != "" && rule.method != r.method {
		return false
	}
	if !matchGlob(rule.url, r.address) && !matchGlob(rule.url, target.Path) {
		return false
	}
	if r.unread && len(rule.form) > 0 {
		return false // who knows what is in it
	}
	query := target.Query()
	for name, values := range rule.form {
		if !slices.Equal(append(slices.Clone(r.form[name]), query[name]...), values) {
			return false
		}
	}
	return true
}

// unlike is the first field by which a request that goes to the address of a rule does not fit it.
func (rule requestRule) unlike(r request, target *url.URL) string {
	whole := rule
	whole.form = nil
	if r.unread || !whole.matches(r, target) {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(rule.form)) {
		one := rule
		if one.form = map[string][]string{name: rule.form[name]}; !one.matches(r, target) {
			return name
		}
	}
	return ""
}

// couldMatch is matches, but of what cannot be read it takes the worst.
func (rule requestRule) couldMatch(r request, target *url.URL) bool {
	if r.unread {
		rule.form = nil
	}
	return rule.matches(r, target)
}

// pausedContent is a request as the browser tells it at the fence.
type pausedContent struct {
	URL, Method     string
	Headers         map[string]string
	PostData        string
	HasPostData     bool
	PostDataEntries []struct{ Bytes string }
}

// request reads the form in the body. What cannot be read (files, blobs) counts as no form, which fits no rule that
// asks for one.
func (p pausedContent) request() (r request) {
	r = request{method: p.Method, address: p.URL}
	defer func() { r.unread = r.form == nil && (p.HasPostData || len(p.PostDataEntries) > 0 || p.PostData != "") }()
	body := p.PostData
	if len(p.PostDataEntries) > 0 {
		var whole strings.Builder
		for _, entry := range p.PostDataEntries {
			part, err := base64.StdEncoding.DecodeString(entry.Bytes)
			if err != nil {
				return r
			}
			whole.Write(part)
			r.raw = r.raw || len(part) == 0 // the browser keeps what a file holds to itself
		}
		body = whole.String()
	}
	for name, value := range p.Headers {
		if strings.EqualFold(name, "Content-Type") {
			r.form, r.files = readForm(value, body)
		}
	}
	if r.form == nil {
		r.text = body
	}
	r.raw = r.form == nil && (r.raw || p.HasPostData && body == "") || slices.Contains(r.files, "blob")
	return r
}

func readForm(contentType, body string) (form url.Values, files []string) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, nil
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		if form, err := url.ParseQuery(body); err == nil {
			return form, nil
		}
	case "multipart/form-data":
		form, err := multipart.NewReader(strings.NewReader(body), parameters["boundary"]).ReadForm(int64(len(body)) + 1)
		if err == nil {
			for _, parts := range form.File {
				for _, part := range parts {
					files = append(files, part.Filename)
				}
			}
			return form.Value, files
		}
	}
	return nil, nil
}

// errRefusedRelease says that the request of the commit was not allowed to leave.
var errRefusedRelease = errors.New("the request of the commit was kept back")

// armed is the one request that a commit waits for. Its fields but rule and store belong to the fence's mutex.
type armed struct {
	rule  requestRule
	store func(context.Context) error // makes the intent durable; an error keeps the request back

	filled  []filledField // what the request has to hold, if it holds it by the fields' names
	clicked *sender       // the button that was clicked last, if it has a name
	formats formats
	sending *sending // what it carries beside that is compared with earlier ones; nil: it is not

	taken bool   // a request has come that fits
	left  bool   // it may have left
	again int    // further ones that fitted and were stopped
	other string // what one that fitted held in place of what was put in, if it was stopped for that
	err   error  // why it was kept back
	ended chan struct{}
}

// arm lets the one request of a commit through, until disarm.
func (f *fence) arm(rule requestRule, filled []filledField, formats formats, sending *sending, store func(context.Context) error) *armed {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.declared = &rule
	f.armed = &armed{rule: rule, filled: filled, formats: formats, sending: sending, store: store, ended: make(chan struct{})}
	return f.armed
}

// expect tells an armed fence what the request has to hold beside what it knows; of a field that it knows, what it holds now.
func (f *fence) expect(further ...filledField) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.armed == nil {
		return
	}
	for _, field := range further {
		f.armed.filled = slices.DeleteFunc(slices.Clone(f.armed.filled), func(known filledField) bool { return known.document == field.document && known.ID == field.ID })
		f.armed.filled = append(f.armed.filled, field)
	}
}

// clicks tells an armed fence which button is about to be clicked; nil: none that a form sends.
func (f *fence) clicks(button *sender) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.armed != nil {
		f.armed.clicked = button
	}
}

// shows tells an armed fence which fields of the form a person sees.
func (f *fence) shows(names []string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	switch {
	case f.armed != nil && f.armed.sending != nil:
		f.armed.sending.shows(names)
	case f.way != nil:
		f.way.shows(names)
	}
}

// compares says whether what the form of an element carries is to be compared.
func (f *fence) compares() bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.way != nil || f.armed != nil && f.armed.sending != nil
}

// awaited says whether an armed fence still waits for the request, and what it has to hold.
func (f *fence) awaited() (filled []filledField, waits bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.armed == nil || f.armed.taken {
		return nil, false
	}
	return slices.Clone(f.armed.filled), true
}

// disarm ends that, and waits until it is certain whether the request has left. If that takes too long, it counts as left.
func (f *fence) disarm(ctx context.Context, a *armed) (left bool, again int, err error) {
	f.mutex.Lock()
	f.armed = nil
	taken := a.taken
	f.mutex.Unlock()
	if taken && !a.ends(ctx) {
		return true, 0, nil
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return a.left, a.again, a.err
}

// heldOther says why the request was stopped, if it held something else than was put in.
func (a *armed) heldOther(f *fence) string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return a.other
}

// endTime is how long the end of a request's release is waited for after the run's own end.
const endTime = 5 * time.Second

// ends waits for the end of the release, and says whether it came.
func (a *armed) ends(ctx context.Context) bool {
	select {
	case <-a.ended:
		return true
	case <-ctx.Done():
	}
	select {
	case <-a.ended:
		return true
	case <-time.After(endTime):
		return false
	}
}

// release lets the request of the commit leave, after its intent is stored. It is the point of no return: what ends
// the program before it has proved that nothing was sent, what ends it after it leaves a doubt.
func (t *tab) release(c caller, id proto.FetchRequestID, r request, a *armed) {
	defer close(a.ended)
	f := t.options.fence
	err := a.store(t.ctx)
	f.mutex.Lock()
	a.left, a.err = err == nil, err
	f.mutex.Unlock()
	if err != nil {
		f.note(fmt.Sprintf("%s %s was stopped: its intent could not be stored", r.method, withoutQuery(r.address)))
		_ = proto.FetchFailRequest{RequestID: id, ErrorReason: proto.NetworkErrorReasonBlockedByClient}.Call(c)
		return
	}
	// A browser repeats a request by itself if a connection that it had used before breaks. On a new one it does not.
	t.proxy.closeTunnels()
	f.permit(r)
	_ = proto.FetchContinueRequest{RequestID: id}.Call(c)
}

// parseRequestRules reads addresses, or mappings of url and form.
func parseRequestRules(n *source.Node, method string) []requestRule {
	nodes := n.List()
	if n.Kind() == source.Scalar {
		nodes = []*source.Node{n}
	}
	var found []requestRule
	for _, item := range nodes {
		if item.Kind() == source.Scalar {
			checkPattern(item, true)
			found = append(found, requestRule{method: method, url: item.Text()})
			continue
		}
		fields := item.Fields(readRequestShape)
		address := item.Required("url", "give the address, with * for anything")
		rule := requestRule{method: method, url: address.Text(), form: map[string][]string{}}
		checkPattern(address, len(fields["form"].Keys()) == 0)
		fields["form"].Map()
		for _, name := range fields["form"].Keys() {
			rule.form[name] = fields["form"].Get(name).Texts()
		}
		found = append(found, rule)
	}
	return found
}

// effect is a requestRule whose form may hold expressions.
type effect struct {
	method, url string
	form        map[string][]words
}

func (c *compiler) effect(n *source.Node) effect {
	fields := n.Fields(effectShape)
	e := effect{method: n.Required("method", "say how it is sent, as in POST").OneOf("POST", "PUT", "PATCH", "DELETE", "GET"),
		url: n.Required("url", "give the address of the request, with * for anything").Text(), form: map[string][]words{}}
	checkPattern(n.Get("url"), true)
	fields["form"].Map()
	if times := fields["times"]; times.Exists() && times.Int() != 1 {
		times.Errorf("make one robot of each request", "a commit sends its request once")
	}
	for _, name := range fields["form"].Keys() {
		values := fields["form"].Get(name)
		nodes := []*source.Node{values}
		if values.Kind() == source.List {
			nodes = values.List()
		}
		e.form[name] = nil // an empty list: the field is not sent
		for _, value := range nodes {
			e.form[name] = append(e.form[name], c.words(value))
		}
	}
	return e
}

// apart reports an effect that what passes as a read would let through too.
func (c *compiler) apart(e effect, n *source.Node) {
	if e.method == "GET" && !c.system.getWrite {
		n.Get("method").Errorf("add get_may_write: true and reads_by_get to the system file", "a GET passes as a read at any time, so that it could be sent twice")
		return
	}
	list, name := c.system.searches, "reads_by_post"
	if e.method == "GET" {
		list, name = c.system.readsByGet, "reads_by_get"
	}
	for _, read := range list {
		if (read.method == "" || read.method == e.method) && !e.differs(read) {
			n.Errorf("name the address to which the commit sends; where that is the same, give both a field of the form whose values differ, or that one of them does not send, as in {search: []}", "%s of the system file, %q, may let this request through as a read", name, read.url)
		}
	}
}

// differs says whether no request can fit both: their addresses have nothing in common, or a field has other values.
func (e effect) differs(read requestRule) bool {
	path := e.url
	if u, err := url.Parse(e.url); err == nil {
		path = u.Path
	}
	if !matchGlob(read.url, e.url) && !matchGlob(read.url, path) && !matchGlob(e.url, read.url) {
		return true
	}
	for name, values := range read.form {
		own, named := e.form[name]
		if !named {
			continue
		}
		fixed := make([]string, 0, len(own))
		for _, value := range own {
			if value.template == nil {
				fixed = append(fixed, value.constant)
			}
		}
		if len(own) != len(values) || len(fixed) == len(own) && !slices.Equal(fixed, values) {
			return true
		}
	}
	return false
}

func (e effect) rule(variables map[string]rules.Value) (requestRule, error) {
	rule := requestRule{method: e.method, url: e.url, form: map[string][]string{}}
	for name, values := range e.form {
		rule.form[name] = nil
		for _, value := range values {
			text, err := value.eval(variables)
			if err != nil {
				return rule, err
			}
			rule.form[name] = append(rule.form[name], text)
		}
	}
	return rule, nil
}
