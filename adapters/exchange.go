package adapters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// exchange makes one request and returns what came back: status, headers, body; for SQL: items.
func (c *Connection) exchange(ctx context.Context, op *Operation, r *request, vars map[string]rules.Value, at *page) (rules.Value, error) {
	if c.session != nil {
		return c.signed(ctx, op, r, vars, at)
	}
	return c.exchangeAs(ctx, nil, op, r, vars, at)
}

// exchangeAs makes the request under a log-in, if there is one.
func (c *Connection) exchangeAs(ctx context.Context, in *login, op *Operation, r *request, vars map[string]rules.Value, at *page) (rules.Value, error) {
	short := c.adapter.ShortName(op.Name)
	leave, err := c.enter(ctx, short)
	if err != nil {
		return rules.Value{}, err
	}
	defer leave()
	e := &exchange{
		Context:    ctx,
		connection: c,
		replayable: !r.writes || op.replayable(),
		writes:     r.writes,
		harmless:   op.Effect == contracts.Read,
		logsIn:     op.Name == loginName,
		login:      in,
		knowable:   !r.writes || op.knowable(),
		faults:     r.soap != nil,
	}
	for _, limit := range c.limits {
		if limit.covers(short) {
			e.limits = append(e.limits, limit)
		}
	}
	switch {
	case r.files != nil:
		return c.file(e, e, op, r, vars)
	case r.mail != nil:
		return c.post(e, e, op, r, vars)
	}
	if r.sql != nil {
		return c.query(e, e, op, r, vars)
	}
	request, err := c.build(e, op, r, vars, at)
	if err != nil {
		return rules.Value{}, unexpected(op, r, err)
	}
	response, err := c.traced(e, op, r, request)
	defer e.end()
	if response != nil {
		defer response.Body.Close()
	}
	if err != nil {
		return rules.Value{}, e.settle(transportError(e, err, c.system+": "+explain(err)))
	}
	return c.read(e, e, op, r, vars, response)
}

// traced sends the request in a span of the trace that the call belongs to, if it belongs to one. The span names the
// operation and the system; addresses and queries may hold what a customer wrote.
func (c *Connection) traced(ctx context.Context, op *Operation, r *request, request *retryablehttp.Request) (*http.Response, error) {
	if !trace.SpanFromContext(ctx).SpanContext().IsValid() { // nobody traces: the span would cost a tenth of the call
		return c.clients[op.timeout].Do(request)
	}
	_, span := trace.SpanFromContext(ctx).TracerProvider().Tracer("crosswalk/adapters").Start(ctx, r.method+" "+op.Name, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("crosswalk.system", c.system), attribute.String("http.request.method", r.method), attribute.String("server.address", c.where().Hostname())))
	defer span.End()
	response, err := c.clients[op.timeout].Do(request)
	if err != nil {
		span.SetStatus(codes.Error, "no answer")
		return response, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode))
	if response.StatusCode >= http.StatusBadRequest {
		span.SetStatus(codes.Error, "refused")
	}
	return response, nil
}

// hold tells everybody who uses the system to be silent for a while. A store that cannot be told does
// not undo the answer that we have.
func (c *Connection) hold(ctx context.Context, wait time.Duration) {
	_ = c.shared.Pause(ctx, c.system, time.Now().Add(wait))
}

// build makes the HTTP request.
func (c *Connection) build(e *exchange, op *Operation, r *request, vars map[string]rules.Value, at *page) (*retryablehttp.Request, error) {
	address, err := c.url(op, r, vars, *at)
	if err != nil {
		return nil, err
	}
	at.asked = address
	body, contentType, err := r.encodeBody(vars, *at)
	if err != nil {
		return nil, err
	}
	if err := unmended(e, r, address.String, body); err != nil {
		return nil, err
	}
	if e.header, err = c.headersOf(e, op, r, vars, contentType); err != nil {
		return nil, err
	}
	var ctx context.Context = e
	if !e.harmless {
		e.trace.GotConn = func(httptrace.GotConnInfo) { e.sent.Store(true) }
		ctx = httptrace.WithClientTrace(e, &e.trace)
	}
	request, err := retryablehttp.FromRequest((&http.Request{Method: r.method, URL: address, Host: address.Host, Header: http.Header{}}).WithContext(ctx))
	if err == nil && contentType != "" {
		err = request.SetBody(body)
	}
	return request, err
}

// headersOf are the headers of a request: those of the connection as they are, which nobody changes, where it has none of its own.
func (c *Connection) headersOf(e *exchange, op *Operation, r *request, vars map[string]rules.Value, contentType string) (http.Header, error) {
	key := r.writes && op.Safety.header != ""
	if e.login == nil && c.tokens == nil && contentType == "" && r.soap == nil && accepts[r.answers] == "" && r.headers == nil && !key {
		return c.headers, nil
	}
	header := maps.Clone(c.headers)
	if e.login != nil {
		maps.Copy(header, e.login.header)
	}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	switch {
	case r.soap != nil:
		if err := r.soap.headers(header, vars); err != nil {
			return nil, err
		}
	case accepts[r.answers] != "":
		header.Set("Accept", accepts[r.answers])
	}
	if key {
		if err := setHeader(header, op.Safety.header, vars["key"].Text()); err != nil {
			return nil, err
		}
	}
	return header, setHeaders(header, r.headers, vars)
}

func (c *Connection) url(op *Operation, r *request, vars map[string]rules.Value, at page) (*url.URL, error) {
	if at.next != nil {
		return at.next, nil
	}
	text, err := r.path.eval(c.origin().text, vars)
	if err != nil {
		return nil, err
	}
	query, err := r.query.eval(vars)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	pairs := r.paging.apply(at, "query", flatten(query))
	if r.writes && op.Safety.query != "" {
		pairs = append(pairs, pair{op.Safety.query, vars["key"].Text()})
	}
	if len(pairs) > 0 {
		text += "?" + encodeQuery(pairs)
	}
	return url.Parse(text)
}

// encodeBody returns the body and its type; no type: there is none.
func (r *request) encodeBody(vars map[string]rules.Value, at page) (body []byte, contentType string, err error) {
	switch {
	case r.call != nil:
		body, err = r.envelope(r.rpc, vars, at)
		return body, "application/json", err
	case r.json != nil:
		value, err := r.json.eval(vars)
		if err != nil {
			return nil, "", fmt.Errorf("json: %w", err)
		}
		return r.paging.applyTree(at, "json", value).Plain(), "application/json", nil
	case r.graphql != nil:
		value, err := r.graphql.encode(vars, r.paging, at)
		return value.Plain(), "application/json", err
	case r.soap != nil:
		body, err := r.soap.encode(vars)
		return body, r.soap.contentType(), err
	case r.xml != nil:
		body, err := encodeXML(r.xml, vars)
		return body, "application/xml; charset=utf-8", err
	case r.multipart != nil:
		value, err := r.multipart.eval(vars)
		if err != nil {
			return nil, "", fmt.Errorf("multipart: %w", err)
		}
		return encodeMultipart(value)
	case r.file != nil:
		value, err := r.file.eval(vars)
		if err != nil {
			return nil, "", fmt.Errorf("file: %w", err)
		}
		return fileContent(value)
	case r.form != nil:
		value, err := r.form.eval(vars)
		if err != nil {
			return nil, "", fmt.Errorf("form: %w", err)
		}
		return []byte(encode(r.paging.apply(at, "form", flatten(value)))), "application/x-www-form-urlencoded", nil
	default:
		return nil, "", nil
	}
}

// read takes in an answer and decides whether it is one or a failure.
func (c *Connection) read(ctx context.Context, e *exchange, op *Operation, r *request, vars map[string]rules.Value, response *http.Response) (rules.Value, error) {
	success := response.StatusCode >= 200 && response.StatusCode < 300
	wire, decoded := op.Bounds()
	if !success {
		wire, decoded = maxErrorBody, maxErrorBody
	}
	raw, readErr := readBody(response, wire, decoded)
	body, halves, parseErr := parseBody(r.answers, r.rows, raw)
	c.mended(ctx, op, halves)
	if r.rpc != nil && success && parseErr == nil {
		body, parseErr = r.rpc.opened(body)
	}
	if success && (readErr != nil || parseErr != nil) {
		return rules.Value{}, c.garbled(e, op, response, readErr, parseErr)
	}
	seen := rules.NewFields(3)
	seen.Set("body", body)
	if c.readsHeaders {
		seen.Set("headers", headerRecord(response.Header))
	}
	seen.Set("status", rules.Number(rules.Int(int64(response.StatusCode))))
	answer := seen.Record()
	if e.login != nil {
		if c.adapter.auth.ended(resultVars(vars, answer)) {
			return rules.Value{}, errSessionEnded
		}
		c.session.settled(e.login)
	}
	if slices.Contains(r.empty, response.StatusCode) {
		return nothing.With("status", answer.Get("status")), nil
	}
	failure := c.judge(e, op, r, answer, response, vars)
	if wait := c.spent(ctx, e, answer, failure != nil); failure != nil && failure.Class == contracts.RateLimited && failure.RetryAfter == 0 {
		failure.RetryAfter = wait
	}
	if failure != nil {
		if failure.Class == contracts.RateLimited && failure.RetryAfter > 0 {
			c.hold(ctx, failure.RetryAfter)
		}
		return rules.Value{}, e.settle(failure)
	}
	if c.answers != nil && success {
		c.answers(op.Name, body)
	}
	return answer, nil
}

// judge decides whether an answer is a failure, and says what the system says of it.
func (c *Connection) judge(e *exchange, op *Operation, r *request, answer rules.Value, response *http.Response, vars map[string]rules.Value) *contracts.Error {
	said := r.said(answer.Get("body"))
	if len(op.failures)+len(c.adapter.failures) == 0 && said.class == "" && statusClass(response.StatusCode) == "" {
		return nil
	}
	inner := resultVars(vars, answer)
	class, refusal := c.adapter.classify(op, said, response.StatusCode, inner)
	if class == "" {
		return nil
	}
	failure := &contracts.Error{Class: class, Status: response.StatusCode, Message: fmt.Sprintf("%s answered %d", c.system, response.StatusCode)}
	if to, err := response.Location(); err == nil && response.StatusCode < 400 {
		failure.Message += fmt.Sprintf(" and sends us to %s, which is not followed", to.Host)
	}
	words := said.message
	if c.adapter.message != nil {
		if message, err := c.adapter.message.Eval(inner); err == nil && message.String() != "" {
			words = message.String()
		}
	}
	if words != "" {
		failure.Message += ": " + words
	}
	if class == contracts.RateLimited || class == contracts.Unavailable {
		failure.RetryAfter, _ = e.wait(response)
	}
	if !e.knowable && !refusal {
		failure.Class = contracts.OutcomeUnknown
	}
	return failure
}

// garbled is an answer that says success and cannot be read.
func (c *Connection) garbled(e *exchange, op *Operation, response *http.Response, readErr, parseErr error) *contracts.Error {
	failure := &contracts.Error{Class: contracts.Drift, Status: response.StatusCode}
	switch {
	case readErr == errTooLarge:
		failure.Message = c.system + ": " + tooLarge(op)
	case errors.Is(readErr, errPacked):
		failure.Class, failure.Message = contracts.Unavailable, c.system+": "+readErr.Error()
	case readErr != nil:
		failure.Class, failure.Message = contracts.Unavailable, c.system+": "+explain(readErr)+" in the middle of the answer"
	case strings.Contains(response.Header.Get("Content-Type"), "html"):
		failure.Class, failure.Message = contracts.Unavailable, c.system+" answered with a web page instead of data, as in maintenance"
	default:
		failure.Message = c.system + ": the answer is " + parseErr.Error()
	}
	if !e.knowable {
		failure.Class = contracts.OutcomeUnknown
	}
	return failure
}

// parseBody reads an answer in its form. What an error's body is nobody can rely on: anything else is kept as text.
func parseBody(form string, rows table, raw []byte) (value rules.Value, halves int, err error) {
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	if len(trimmed) == 0 {
		return rules.Missing(), 0, nil
	}
	if form == answerBase64 || form == answerCSV {
		trimmed = raw
	}
	value, halves, err = decodeAnswer(form, rows, trimmed)
	if err != nil {
		return rules.Text(strings.ToValidUTF8(string(trimmed), "\uFFFD")), 0, err
	}
	return value, halves, nil
}

// headerFields are the names of headers that nearly every answer has, as expressions read them.
var headerFields = map[string]string{"Content-Type": "content_type", "Content-Length": "content_length", "Date": "date", "Server": "server", "Content-Encoding": "content_encoding",
	"Cache-Control": "cache_control", "Etag": "etag", "Vary": "vary", "Link": "link", "Retry-After": "retry_after", "Connection": "connection", "Set-Cookie": "set_cookie"}

func headerField(name string) string {
	if field, known := headerFields[name]; known {
		return field
	}
	return strings.ReplaceAll(strings.ToLower(name), "-", "_")
}

// headerRecord holds the headers as expressions read them: X-Total-Pages is headers.x_total_pages.
func headerRecord(header http.Header) rules.Value {
	fields := rules.NewFields(len(header))
	for name, values := range header {
		fields.Set(headerField(name), rules.Text(strings.Join(values, ", ")))
	}
	return fields.Record()
}
