package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"crosswalk/sandbox"
)

// sender sends complaints as customers do: over the wire, by the channel's own protocol.
type sender struct {
	running   running
	addresses demoAddresses
}

// sentComplaint is a complaint on its way, and what became of it.
type sentComplaint struct {
	complaint sandbox.Complaint
	caseID    string
	detail    caseDetail
	err       error
}

func base64Of(n int) string {
	random := make([]byte, n)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(random)
}

// send sends one complaint and returns the id of its case.
func (s sender) send(ctx context.Context, c sandbox.Complaint) (string, error) {
	switch c.Channel {
	case "email":
		return s.mail(ctx, c)
	case "web":
		return s.form(ctx, c)
	case "phone":
		return s.phone(ctx, c)
	default:
		return s.post(ctx, c)
	}
}

var referencePattern = regexp.MustCompile(`CW-[0-9A-Z]{8}`)

func (s sender) mail(ctx context.Context, c sandbox.Complaint) (string, error) {
	if len(s.running.Mail) == 0 {
		return "", errors.New("nothing takes mail")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\nTo: service@nordwind-home.example\r\nSubject: %s\r\nMessage-ID: <%s@customers.example>\r\nDate: %s\r\n",
		(&mail.Address{Name: c.From.Name, Address: c.From.Email}).String(), mime.QEncoding.Encode("utf-8", c.Subject), rand.Text(), c.ReceivedAt.Format(time.RFC1123Z))
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = io.WriteString(w, strings.ReplaceAll(c.Text, "\n", "\r\n"))
	_ = w.Close()
	client, err := smtp.Dial(s.running.Mail[0])
	if err != nil {
		return "", err
	}
	defer client.Close()
	if err := client.Mail(c.From.Email, nil); err != nil {
		return "", err
	}
	if err := client.Rcpt("service@nordwind-home.example", nil); err != nil {
		return "", err
	}
	data, err := client.Data()
	if err != nil {
		return "", err
	}
	if _, err := data.Write(b.Bytes()); err != nil {
		return "", err
	}
	answer, err := data.CloseWithResponse()
	if err != nil {
		return "", err
	}
	return s.caseOf(ctx, referencePattern.FindString(answer.StatusText))
}

// caseOf finds the case behind a reference.
func (s sender) caseOf(ctx context.Context, reference string) (string, error) {
	if reference == "" {
		return "", errors.New("the channel gave no reference")
	}
	var d caseDetail
	if err := s.running.call(ctx, http.MethodGet, "/api/cases/"+reference, nil, &d); err != nil {
		return "", err
	}
	return d.Case.ID, nil
}

func (s sender) form(ctx context.Context, c sandbox.Complaint) (string, error) {
	fields := url.Values{"text": {c.Text}, "product": {c.Product}, "name": {c.From.Name}, "email": {c.From.Email}, "phone": {c.From.Phone}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.running.URL+"/forms/complaint", strings.NewReader(fields.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	return s.receipt(request)
}

// receipt sends a request of a channel and reads the case from the answer.
func (s sender) receipt(request *http.Request) (string, error) {
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var body struct{ Case, Error string }
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return "", fmt.Errorf("%s: %w", answer.Status, err)
	}
	if body.Case == "" {
		return "", fmt.Errorf("%s: %s", answer.Status, body.Error)
	}
	return body.Case, nil
}

func (s sender) phone(ctx context.Context, c sandbox.Complaint) (string, error) {
	fields := url.Values{"text": {c.Text}, "product": {c.Product}, "name": {c.From.Name}, "phone": {c.From.Phone}, "note": {rand.Text()}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.running.URL+"/phone", strings.NewReader(fields.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "Bearer "+s.running.Token)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("the desk answered %s", answer.Status)
	}
	return path.Base(answer.Header.Get("Location")), nil
}

func (s sender) post(ctx context.Context, c sandbox.Complaint) (string, error) {
	id := fmt.Sprint(time.Now().UnixNano())
	body, err := json.Marshal(map[string]any{"for_user_id": "1", "tweet_create_events": []any{map[string]any{
		"id_str": id, "text": c.Text, "created_at": c.ReceivedAt.Format(time.RubyDate),
		"user": map[string]string{"id_str": "2" + id, "name": c.From.Name, "screen_name": c.From.Handle},
	}}})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.running.URL+"/hooks/posts", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, []byte(s.addresses.SocialSecret))
	mac.Write(body)
	request.Header.Set("X-Twitter-Webhooks-Signature", "sha256="+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	request.Header.Set("Content-Type", "application/json")
	return s.receipt(request)
}
