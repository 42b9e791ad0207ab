package robots

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/rules"
	"crosswalk/source"
)

// request is what the fence judges: a request of a page, before it leaves.
type request struct {
	method, address string
	form            url.Values // of the body; nil if there is none that can be read
}

// requestRule recognises requests by method, address and fields of the form that is sent.
type requestRule struct {
	method string // "" is any
	url    string // with *, compared with the whole address and with its path
	// form is fields of the body or of the address, and all that they must hold, in this order: what an application
	// makes of a field that is there twice is its own affair.
	form map[string][]string
}

func (rule requestRule) matches(r request, target *url.URL) bool {
	if rule.method != "" && rule.method != r.method {
		return false
	}
	if !matchGlob(rule.url, r.address) && !matchGlob(rule.url, target.Path) {
		return false
	}
	query := target.Query()
	for name, values := range rule.form {
		if !slices.Equal(append(slices.Clone(r.form[name]), query[name]...), values) {
			return false
		}
	}
	return true
}

// pausedContent is a request as the browser tells it at the fence.
type pausedContent struct {
	URL, Method     string
	Headers         map[string]string
	PostData        string
	PostDataEntries []struct{ Bytes string }
}

// request reads the form in the body. What cannot be read (files, blobs) counts as no form, which fits no rule that
// asks for one.
func (p pausedContent) request() request {
	r := request{method: p.Method, address: p.URL}
	body := p.PostData
	if len(p.PostDataEntries) > 0 {
		var whole strings.Builder
		for _, entry := range p.PostDataEntries {
			part, err := base64.StdEncoding.DecodeString(entry.Bytes)
			if err != nil {
				return r
			}
			whole.Write(part)
		}
		body = whole.String()
	}
	for name, value := range p.Headers {
		if strings.EqualFold(name, "Content-Type") {
			r.form = readForm(value, body)
		}
	}
	return r
}

func readForm(contentType, body string) url.Values {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		if form, err := url.ParseQuery(body); err == nil {
			return form
		}
	case "multipart/form-data":
		form, err := multipart.NewReader(strings.NewReader(body), parameters["boundary"]).ReadForm(int64(len(body)) + 1)
		if err == nil {
			return form.Value
		}
	}
	return nil
}

// errRefusedRelease says that the request of the commit was not allowed to leave.
var errRefusedRelease = errors.New("the request of the commit was kept back")

// armed is the one request that a commit waits for. Its fields but rule and store belong to the fence's mutex.
type armed struct {
	rule  requestRule
	store func(context.Context) error // makes the intent durable; an error keeps the request back

	taken bool  // a request has come that fits
	left  bool  // it may have left
	again int   // further ones that fitted and were stopped
	err   error // why it was kept back
	ended chan struct{}
}

// arm lets the one request of a commit through, until disarm.
func (f *fence) arm(rule requestRule, store func(context.Context) error) *armed {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.armed = &armed{rule: rule, store: store, ended: make(chan struct{})}
	return f.armed
}

// disarm ends that, and waits until it is certain whether the request has left.
func (f *fence) disarm(a *armed) (left bool, again int, err error) {
	f.mutex.Lock()
	f.armed = nil
	taken := a.taken
	f.mutex.Unlock()
	if taken {
		<-a.ended
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return a.left, a.again, a.err
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
			found = append(found, requestRule{method: method, url: item.Text()})
			continue
		}
		fields := item.Fields(readRequestShape)
		rule := requestRule{method: method, url: item.Required("url", "give the address, with * for anything").Text(), form: map[string][]string{}}
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
	if strings.Trim(e.url, "*") == "" && e.url != "" {
		n.Get("url").Errorf("write for example '*/orders/save'", "%q stands for every request of the page", e.url)
	}
	if times := fields["times"]; times.Exists() && times.Int() != 1 {
		times.Errorf("make one robot of each request", "a commit sends its request once")
	}
	for _, name := range fields["form"].Keys() {
		values := fields["form"].Get(name)
		nodes := []*source.Node{values}
		if values.Kind() == source.List {
			nodes = values.List()
		}
		for _, value := range nodes {
			e.form[name] = append(e.form[name], c.words(value))
		}
	}
	return e
}

func (e effect) rule(variables map[string]rules.Value) (requestRule, error) {
	rule := requestRule{method: e.method, url: e.url, form: map[string][]string{}}
	for name, values := range e.form {
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
