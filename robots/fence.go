package robots

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/go-rod/rod/lib/cdp"
	"github.com/go-rod/rod/lib/proto"
)

// fence decides about every request that a page makes. Robots only read: GET to an allowed host passes, a
// POST only while the login runs or to an address that is declared as a search.
type fence struct {
	hosts    map[string]bool // host:port; true if the workspace itself names it, false if only the system file does
	searches []string        // URL patterns that may be posted to

	mutex   sync.Mutex
	login   bool
	stopped []string
}

func newFence(searches []string) *fence { return &fence{hosts: map[string]bool{}, searches: searches} }

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

// refuses says why a request must not leave, or "".
func (f *fence) refuses(method, address string) string {
	target, err := url.Parse(address)
	if err != nil {
		return "its address cannot be read"
	}
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
	if method == "GET" || method == "HEAD" || method == "OPTIONS" {
		return ""
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.login && method == "POST" {
		return ""
	}
	for _, pattern := range f.searches {
		if method == "POST" && (matchGlob(pattern, address) || matchGlob(pattern, target.Path)) {
			return ""
		}
	}
	return "it could change something, and this robot only reads"
}

func (f *fence) note(text string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if len(f.stopped) < 100 {
		f.stopped = append(f.stopped, text)
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
	Request                          struct{ URL, Method string }
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
	reason := t.options.fence.refuses(p.Request.Method, p.Request.URL)
	if reason == "" {
		go func() { _ = proto.FetchContinueRequest{RequestID: id}.Call(c) }()
		return
	}
	text := fmt.Sprintf("%s %s was stopped: %s", p.Request.Method, withoutQuery(p.Request.URL), reason)
	t.options.fence.note(text)
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

func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
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
