package robots

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-rod/rod/lib/cdp"
	"github.com/go-rod/rod/lib/proto"
)

// fence decides about every request that a page makes. GET to an allowed host passes, a POST only while the login
// runs or if it is declared as a read. Everything else could change something: it is stopped, but for the one
// request that a commit has declared, which leaves once, after its intent is stored.
type fence struct {
	hosts    map[string]bool // host:port; true if the workspace itself names it, false if only the system file does
	reads    []requestRule   // what may be posted, because it only reads
	byGet    []requestRule   // what may be got, if getWrites
	getWrite bool            // the application changes things by GET too

	mutex    sync.Mutex
	login    bool
	stopped  []string
	way      *way      // what leaves before the commit; nil: it is not compared
	posts    []request // of them, those that pages have posted within the allowed hosts
	armed    *armed
	declared *requestRule   // of the commit, from its arming on: nothing else lets it through
	files    []*handedFile  // that the robot has given to pages, the newest last
	permits  map[string]int // requests that were let through and have not come to the proxy yet
}

func newFence(reads []requestRule) *fence {
	return &fence{hosts: map[string]bool{}, reads: reads, permits: map[string]int{}}
}

// allow lets a host be reached. One without a port stands for the two of the web, 80 and 443.
func (f *fence) allow(host string, trusted bool) {
	if name, port, err := net.SplitHostPort(host); err == nil {
		f.hosts[strings.ToLower(name)+":"+port] = trusted
		return
	}
	name := strings.ToLower(strings.Trim(host, "[]"))
	f.hosts[name+":80"], f.hosts[name+":443"] = trusted, trusted
}

// allows says whether a host:port may be connected to.
func (f *fence) allows(address string) bool {
	_, ok := f.hosts[strings.ToLower(address)]
	return ok
}

// trusts says whether the workspace allows a host:port wherever it leads.
func (f *fence) trusts(address string) bool { return f.hosts[strings.ToLower(address)] }

func (f *fence) enable(c caller) error {
	return proto.FetchEnable{Patterns: []*proto.FetchRequestPattern{
		{URLPattern: "*", RequestStage: proto.FetchRequestStageRequest},
		{URLPattern: "*", RequestStage: proto.FetchRequestStageResponse, ResourceType: proto.NetworkResourceTypeDocument},
	}}.Call(c)
}

// duringLogin lets posts pass, or stops them again.
func (f *fence) duringLogin(on bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.login = on
}

// outside says why an address is beyond the fence whatever is asked of it, or "".
func (f *fence) outside(target *url.URL) string {
	switch target.Scheme {
	case "data", "blob", "about":
		return ""
	case "http", "https":
	default:
		return target.Scheme + ": addresses are never opened"
	}
	if !f.allows(hostPort(target)) {
		return "the host is not in the allowed ones"
	}
	return ""
}

// refuses says why a request without a body must not leave, or "".
func (f *fence) refuses(method, address string) string {
	reason, _ := f.judge(request{method: method, address: address}, true)
	return reason
}

// judge says why a request must not leave, or "". If it is the one that a commit waits for, it says which: the request
// is then taken, whatever becomes of it, and a second one like it is stopped. Who only wants to look takes nothing.
func (f *fence) judge(r request, look bool) (reason string, commit *armed) {
	target, err := url.Parse(r.address)
	if err != nil {
		return "its address cannot be read", nil
	}
	if reason := f.outside(target); reason != "" || target.Host == "" {
		return reason, nil
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	matches := func(rule requestRule) bool { return rule.matches(r, target) }
	query := target.Query()
	if f.armed != nil {
		r, query = f.armed.decoded(r, query)
	}
	if f.armed != nil && f.armed.byGet(r, query) {
		return "it sends the form of the commit by GET, which is not what is declared", nil
	}
	if f.armed != nil && matches(f.armed.rule) {
		other, values := f.armed.holdsOther(r, query)
		missing := f.lacks(r, func(name string) bool {
			return name != "" && (r.form.Has(name) || r.method == "GET" && query.Has(name))
		})
		switch {
		case other != "" && !f.armed.taken:
			if !look {
				f.armed.other = fmt.Sprintf("its field %q holds %s. If the application rightly sends it so, put it in as it is sent", other, values)
			}
			return fmt.Sprintf("its field %q holds something else than was put in", other), nil
		case missing != "" && !f.armed.taken:
			if !look {
				f.armed.other = fmt.Sprintf("the file %q is not in it. If the page rightly takes it over by itself, add becomes: any to the upload", missing)
			}
			return "it does not carry the file that was chosen", nil
		case !f.armed.taken && f.armed.sending != nil && f.armed.sending.differs(r, query, f.armed.filled) != "":
			return "it carries something else than it ever did", nil
		case look && f.armed.taken:
			return leavesOnce, nil
		case look:
			return "", nil
		case f.armed.taken:
			f.armed.again++
			return leavesOnce, nil
		}
		f.armed.taken = true
		return "", f.armed
	}
	if f.declared != nil && f.declared.couldMatch(r, target) {
		return "it is the request of a commit, and no commit waits for it", nil
	}
	switch r.method {
	case "GET", "HEAD", "OPTIONS":
		if !f.getWrite || f.login || slices.ContainsFunc(f.byGet, matches) {
			return "", nil
		}
		return "this application may write by GET, and the address is not among reads_by_get", nil
	case "POST":
		if f.login || slices.ContainsFunc(f.reads, matches) {
			return "", nil
		}
	}
	return undeclared + f.nearly(r, target), nil
}

// nearly says which field keeps a request from being one that is declared for its address.
func (f *fence) nearly(r request, target *url.URL) string {
	if f.armed != nil {
		if field := f.armed.rule.unlike(r, target); field != "" {
			return fmt.Sprintf(", as its field %q does not hold what the effect declares", field)
		}
	}
	for _, read := range f.reads {
		if field := read.unlike(r, target); field != "" {
			return fmt.Sprintf(", as its field %q does not hold what reads_by_post declares for this address", field)
		}
	}
	return ""
}

const undeclared = "it could change something, and no commit has declared it"

const leavesOnce = "the request of the commit has left already, and leaves once"

// permit lets the proxy forward a request that was judged where its body could be seen.
func (f *fence) permit(r request) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.permits[r.method+" "+canonical(r.address)]++
}

// forwards says why the proxy must not forward a request, or "". What may change something needs a permit, and
// a permit serves once: the browser's own repeats end here.
func (f *fence) forwards(method, address string) string {
	target, err := url.Parse(address)
	if err != nil {
		return "its address cannot be read"
	}
	if reason := f.outside(target); reason != "" {
		return reason
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	key := method + " " + canonical(address)
	if f.permits[key] > 0 {
		f.permits[key]--
		return ""
	}
	if (method == "GET" || method == "HEAD" || method == "OPTIONS") && !f.getWrite {
		return ""
	}
	return "no page was allowed to send it"
}

func canonical(address string) string {
	target, err := url.Parse(address)
	if err != nil {
		return address
	}
	target.Fragment, target.RawFragment, target.Host = "", "", hostPort(target)
	if target.Path == "" {
		target.Path = "/"
	}
	return target.String()
}

func (f *fence) note(text string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if len(f.stopped) < 100 {
		f.stopped = append(f.stopped, text)
	}
}

func (f *fence) notePost(r request) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if len(f.posts) < 100 {
		f.posts = append(f.posts, r)
	}
}

// blocked lists the requests that were stopped, without query and body, which may hold personal data.
func (f *fence) blocked() []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return append([]string(nil), f.stopped...)
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// privateAddress says whether an address is one of this machine, of a private network or of no single host.
func privateAddress(address netip.Addr) bool {
	address = address.Unmap()
	return address.IsLoopback() || address.IsPrivate() || address.IsLinkLocalUnicast() || address.IsUnspecified() || address.IsMulticast() ||
		sharedSpace.Contains(address) || translated.Contains(address) || embedded.Contains(address)
}

var (
	sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
	translated  = netip.MustParsePrefix("64:ff9b::/96") // NAT64
	embedded    = netip.MustParsePrefix("::/96")        // IPv4 written as IPv6
)

var globs sync.Map // pattern -> *regexp.Regexp

// matchGlob matches a whole text against a pattern in which * stands for anything.
func matchGlob(pattern, text string) bool {
	compiled, ok := globs.Load(pattern)
	if !ok {
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		compiled, _ = globs.LoadOrStore(pattern, regexp.MustCompile("^(?s:"+strings.Join(parts, ".*")+")$"))
	}
	return compiled.(*regexp.Regexp).MatchString(text)
}

type pausedRequest struct {
	RequestID, FrameID, ResourceType string
	Request                          pausedContent
	ResponseErrorReason              string
	ResponseStatusCode               int
	ResponseHeaders                  []struct{ Name, Value string }
}

// paused decides about a request at the fence, or notes how a document was answered.
func (t *tab) paused(event *cdp.Event) {
	p, ok := decode[pausedRequest](event)
	if !ok {
		return // a request that nobody answers stays stopped
	}
	c := t.on(t.ctx, proto.TargetSessionID(event.SessionID))
	id := proto.FetchRequestID(p.RequestID)
	if p.ResponseStatusCode != 0 || p.ResponseErrorReason != "" {
		t.answered(p)
		go func() { _ = proto.FetchContinueRequest{RequestID: id}.Call(c) }()
		return
	}
	if t.isBlank(p) {
		go giveBlank(c, id)
		return
	}
	r := p.Request.request()
	r.document = p.ResourceType == "Document"
	reason, commit := t.options.fence.judge(r, false)
	t.options.journal.request(p.Request.Method, p.Request.URL, p.ResourceType, reason)
	if reason == "" {
		t.mutex.Lock()
		t.goes(p.FrameID, r)
		t.mutex.Unlock()
		t.options.fence.passes(r)
		t.options.fence.onWay(r)
	}
	if commit != nil {
		go t.release(c, id, r, commit)
		return
	}
	if reason == "" {
		t.options.fence.permit(r)
		go func() { _ = proto.FetchContinueRequest{RequestID: id}.Call(c) }()
		return
	}
	text := fmt.Sprintf("%s %s was stopped: %s", p.Request.Method, withoutQuery(p.Request.URL), reason)
	t.options.fence.note(text)
	if strings.HasPrefix(reason, undeclared) && r.method == "POST" {
		t.options.fence.notePost(r)
	}
	if p.ResourceType == "Document" {
		t.update(func() {
			switch f := t.frames[p.FrameID]; {
			case f == nil:
			case f.id != t.top && f.generation == 0:
				f.left = true // a frame that the page has for a purpose of its own, such as advertising
			default:
				f.failure, f.fresh = text, true
			}
		})
	}
	go func() {
		_ = proto.FetchFailRequest{RequestID: id, ErrorReason: proto.NetworkErrorReasonBlockedByClient}.Call(c)
	}()
}

// answered keeps the status of a document's answer: an application that is down often says so with a
// page that looks like any other.
func (t *tab) answered(p pausedRequest) {
	t.update(func() {
		f := t.frames[p.FrameID]
		if f == nil {
			return
		}
		f.status, f.retryAfter, f.failure = p.ResponseStatusCode, "", ""
		if p.ResponseErrorReason != "" {
			f.failure = withoutQuery(p.Request.URL) + " could not be reached: " + p.ResponseErrorReason
		}
		for _, header := range p.ResponseHeaders {
			switch {
			case strings.EqualFold(header.Name, "Retry-After"):
				f.retryAfter = header.Value
			case strings.EqualFold(header.Name, proxyReason):
				f.failure = withoutQuery(p.Request.URL) + " could not be reached: " + header.Value
			}
		}
	})
}

// accountIn is the account in an address, which a workspace may give as its base_url.
var accountIn = regexp.MustCompile(`^([a-z]+://)[^/?#]*@`)

// withoutQuery is an address as messages and reports show it.
func withoutQuery(address string) string {
	address, _, _ = strings.Cut(accountIn.ReplaceAllString(address, "$1"), "?")
	if len(address) > 200 {
		return address[:200]
	}
	return strconv.QuoteToGraphic(address)
}

// dialog is a box that a page opened with alert, confirm, prompt or by being left.
type dialog struct {
	kind, text string
}

// onDialog answers a box at once: until then the page stands still, and with it every call to it.
func (t *tab) onDialog(event *cdp.Event) {
	opened, ok := decode[struct{ Message, Type string }](event)
	if !ok {
		return
	}
	accept := opened.Type == "beforeunload" || t.options.dialog(dialog{kind: opened.Type, text: opened.Message})
	c := t.on(context.WithoutCancel(t.ctx), proto.TargetSessionID(event.SessionID))
	go func() {
		ctx, cancel := context.WithTimeout(t.ctx, writeTime)
		defer cancel()
		c.ctx = ctx
		_ = proto.PageHandleJavaScriptDialog{Accept: accept}.Call(c)
	}()
}
