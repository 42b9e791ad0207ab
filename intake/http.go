package intake

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"crosswalk/rules"
	"crosswalk/workspace"
)

// maxHookBytes is the largest webhook that is read.
const maxHookBytes = 1 << 20

// How many messages one address may send per minute where the source says nothing.
const (
	formsPerMinute = 10
	hooksPerMinute = 1200
)

// Handler serves the web forms under /forms/ and the webhooks under /hooks/.
func (i *Intake) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /forms/form.css", i.formStyle)
	mux.HandleFunc("GET /forms/{path}", i.showForm)
	mux.HandleFunc("POST /forms/{path}", i.takeForm)
	mux.HandleFunc("GET /hooks/{path}", i.challenge)
	mux.HandleFunc("POST /hooks/{path}", i.takeHook)
	mux.HandleFunc("POST /hooks/{path}/{token}", i.takeHook)
	return mux
}

func (i *Intake) formStyle(w http.ResponseWriter, _ *http.Request) {
	content, err := fs.ReadFile(pages, "pages/form.css")
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	formHeaders(w)
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(content)
}

func formHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

func (i *Intake) showForm(w http.ResponseWriter, r *http.Request) {
	s := i.Source(workspace.FromForm, r.PathValue("path"))
	if s == nil {
		http.NotFound(w, r)
		return
	}
	formHeaders(w)
	_ = formPages.ExecuteTemplate(w, "form", formPage{Title: s.Title})
}

func (i *Intake) takeForm(w http.ResponseWriter, r *http.Request) {
	s := i.Source(workspace.FromForm, r.PathValue("path"))
	if s == nil {
		http.NotFound(w, r)
		return
	}
	formHeaders(w)
	refuse := func(status int, m Message, problem string) {
		if wantsJSON(r) {
			writeJSON(w, status, map[string]string{"error": problem})
			return
		}
		w.WriteHeader(status)
		_ = formPages.ExecuteTemplate(w, "form", formPage{Title: s.Title, Problem: problem, Message: m})
	}
	if !i.withinRate(r, s, formsPerMinute) {
		refuse(http.StatusTooManyRequests, Message{}, "Too many messages from your address. Please wait a minute.")
		return
	}
	m, err := parseForm(r, i.now().UTC())
	if err != nil {
		refuse(http.StatusUnprocessableEntity, m, err.Error())
		return
	}
	receipt, err := i.Take(r.Context(), s, m)
	if errors.Is(err, ErrMalformed) {
		i.Log.Warn("intake.form.refused", "source", s.Name)
		refuse(http.StatusUnprocessableEntity, m, "We cannot use the message as it is. Please write it shorter, or by mail.")
		return
	}
	if err != nil {
		i.Log.Error("intake.form.not_stored", "source", s.Name, "error", err)
		refuse(http.StatusServiceUnavailable, m, "We could not store your message. Please send it again.")
		return
	}
	if wantsJSON(r) {
		writeJSON(w, http.StatusAccepted, receipt)
		return
	}
	_ = formPages.ExecuteTemplate(w, "thanks", formPage{Title: s.Title, Reference: receipt.Reference})
}

func wantsJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

// withinRate counts a message of the sender's address. A store that does not answer is no reason to refuse one.
func (i *Intake) withinRate(r *http.Request, s *workspace.Source, limit int) bool {
	if s.PerMinute > 0 {
		limit = s.PerMinute
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	count, err := i.Store.CountAttempt(r.Context(), "intake:"+s.Name+":"+host, time.Minute)
	return err != nil || count <= limit
}

func (i *Intake) hook(path string) *workspace.Source {
	if s := i.Source(workspace.FromSocial, path); s != nil {
		return s
	}
	return i.Source(workspace.FromWebhook, path)
}

// challenge proves to a social network that we hold the secret.
func (i *Intake) challenge(w http.ResponseWriter, r *http.Request) {
	s := i.hook(r.PathValue("path"))
	token := r.URL.Query().Get("crc_token")
	if s == nil || s.Verify.Scheme != workspace.VerifyX || token == "" || len(token) > 512 {
		http.NotFound(w, r)
		return
	}
	secrets := i.secrets(s)
	if len(secrets) == 0 {
		http.Error(w, "no secret", http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"response_token": ChallengeResponse(secrets[0], token)})
}

func (i *Intake) secrets(s *workspace.Source) []string {
	var secrets []string
	for _, reference := range s.Verify.Secrets {
		secret, err := reference.Resolve()
		if err != nil {
			i.Log.Error("intake.secret.missing", "source", s.Name, "secret", reference.String())
			continue
		}
		secrets = append(secrets, secret.Reveal())
	}
	return secrets
}

func (i *Intake) takeHook(w http.ResponseWriter, r *http.Request) {
	s := i.hook(r.PathValue("path"))
	if s == nil {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHookBytes))
	if err != nil {
		writeJSON(w, http.StatusRequestEntityTooLarge, map[string]string{"error": "the body is larger than 1 MiB or broke off"})
		return
	}
	now := i.now().UTC()
	id, err := verify(s, i.secrets(s), r, body, now)
	if errors.Is(err, errNoSuchAddress) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		i.Log.Warn("intake.signature.refused", "source", s.Name, "error", err)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": ErrSignature.Error()})
		return
	}
	if !i.withinRate(r, s, hooksPerMinute) {
		writeJSON(w, http.StatusTooManyRequests, map[string]string{"error": "too many messages"})
		return
	}
	if answer, asked := echo(s, body); asked {
		writeJSON(w, http.StatusOK, answer)
		return
	}
	receipts, err := i.takeBody(r, s, id, body, now)
	switch {
	case errors.Is(err, ErrMalformed):
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
	case err != nil:
		i.Log.Error("intake.hook.not_stored", "source", s.Name, "error", err)
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"error": "not stored, send it again"})
	case len(receipts) == 1:
		writeJSON(w, http.StatusAccepted, receipts[0])
	default:
		writeJSON(w, http.StatusAccepted, map[string]any{"messages": receipts})
	}
}

func (i *Intake) takeBody(r *http.Request, s *workspace.Source, id string, body []byte, now time.Time) ([]Receipt, error) {
	messages := []Message{}
	if s.Kind == workspace.FromSocial {
		posts, err := ParseX(body, now)
		if err != nil {
			return nil, err
		}
		messages = posts
	} else {
		m, err := parseHook(s, id, r.Header.Get("Content-Type"), body, now)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	receipts := []Receipt{}
	for _, m := range messages {
		receipt, err := i.Take(r.Context(), s, m)
		if err != nil {
			return nil, err
		}
		receipts = append(receipts, receipt)
	}
	return receipts, nil
}

// parseHook reads another program's message: an object of whatever fields; those called like a message's are its own.
func parseHook(s *workspace.Source, id, contentType string, body []byte, now time.Time) (Message, error) {
	var fields rules.Value
	var err error
	if kind, _, _ := mime.ParseMediaType(contentType); kind == formType {
		fields, err = fieldsOfForm(string(body))
	} else {
		fields, err = rules.FromJSON(body)
	}
	if err == nil && fields.Kind() == rules.KindList && s.Verify.Scheme != workspace.VerifyStandard { // several events in one delivery, as products send them
		fields = rules.Record(map[string]rules.Value{"events": fields})
	}
	if err != nil || fields.Kind() != rules.KindRecord {
		return Message{}, errors.Join(ErrMalformed, errors.New("the body must be a JSON object or a form"))
	}
	from := fields.Get("from")
	m := Message{Channel: "webhook", ID: id, ReceivedAt: now, Raw: body, Fields: fields, Text: cleanText(fields.Get("text").Text()),
		Subject: cleanLine(fields.Get("subject").Text()), Product: cleanLine(fields.Get("product").Text()),
		From: Sender{Phone: cleanLine(from.Get("phone").Text()), Handle: cleanLine(from.Get("handle").Text()), Name: cleanLine(from.Get("name").Text())}}
	if email := NormaliseEmail(from.Get("email").Text()); emailAddress.MatchString(email) {
		m.From.Email = email
	}
	return m, nil
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
