package conformance

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"crosswalk/adapters"
	"crosswalk/source"
)

// Delivery is a webhook as the product sends it, with its signature.
type Delivery struct {
	Name    string
	Source  string // where the vendor shows it or says how it is made, and when that was read or in which version
	Secret  string
	At      time.Time // when it is received
	Method  string
	URL     string
	Headers map[string]string
	Body    string
	ID      string
	Refused bool
	Line    int
}

var deliveryShape = source.Record(
	source.Field{Name: "name", Is: source.Text(), Required: true, About: "What is shown, in a sentence.", Example: "an order"},
	source.Field{Name: "source", Is: source.Text(), About: "Where the vendor says so: the page, and behind a comma its version, and the day on which somebody read it or `not compared`.", Default: "that of the file", Example: "'https://developers.deskly.example/webhooks, 2026-11-22'"},
	source.Field{Name: "secret", Is: source.Text(), Required: true, About: "The secret, made up.", Example: "whsec_test"},
	source.Field{Name: "at", Is: source.Text(), Required: true, About: "When it is received.", Example: "'2026-11-22T10:00:00Z'"},
	source.Field{Name: "method", Is: source.Choice("POST", "PUT"), About: "The method.", Default: "POST", Example: "PUT"},
	source.Field{Name: "url", Is: source.Text(), About: "The address, where it is signed.", Default: "any", Example: "https://hooks.acme.example/hooks/shop"},
	source.Field{Name: "headers", Is: source.Named(source.Text()), Required: true, About: "The headers.", Example: "{X-Deskly-Signature: 0a1b}"},
	source.Field{Name: "body", Is: source.Text(), Required: true, About: "The body, as it is.", Example: "'{}'"},
	source.Field{Name: "id", Is: source.Text(), About: "The sender's id for it.", Default: "none", Example: "d-1"},
	source.Field{Name: "refused", Is: source.YesNo(), About: "It is not to be accepted.", Default: "false", Example: "true"},
)

func parseDelivery(node *source.Node, fallback string) Delivery {
	fields := node.Fields(deliveryShape)
	line, _ := node.Position()
	d := Delivery{Name: node.Required("name", "say what is shown").Text(), Source: sourceOf(fields["source"]), Secret: node.Required("secret", "").Text(), Method: fields["method"].OneOf("POST", "PUT"),
		URL: fields["url"].Text(), Headers: texts(node.Required("headers", "")), Body: node.Required("body", "").Text(), ID: fields["id"].Text(), Refused: fields["refused"].Bool(), Line: line}
	if d.Method == "" {
		d.Method = http.MethodPost
	}
	if d.Source == "" {
		d.Source = fallback
	}
	at := node.Required("at", "say when it is received, as in '2026-11-22T10:00:00Z'")
	if parsed, err := time.Parse(time.RFC3339, at.Text()); at.Exists() && err != nil {
		at.Errorf("write for example '2026-11-22T10:00:00Z'", "%q is not a date and time", at.Text())
	} else {
		d.At = parsed
	}
	return d
}

// deliver holds an adapter's webhooks to the examples, and each accepted one to what a stranger would try. It returns what
// is wrong, by the name of the example.
func deliver(adapter *adapters.Adapter, examples []Delivery) map[string]string {
	found := map[string]string{}
	webhook := adapter.Webhook
	if webhook == nil || webhook.Unsigned != "" {
		return found
	}
	accepted := false
	for _, d := range examples {
		id, err := d.try(webhook, nil)
		switch {
		case d.Refused && err == nil:
			found[d.Name] = "it is accepted"
		case d.Refused:
			continue
		case err != nil:
			found[d.Name] = err.Error()
		case id != d.ID:
			found[d.Name] = fmt.Sprintf("its id is %q, not %q", id, d.ID)
		}
		accepted = true
		for what, change := range forgeries(webhook) {
			if _, err := d.try(webhook, change); !errors.Is(err, adapters.ErrSignature) {
				found[d.Name+": "+what] = "it is accepted"
			}
		}
	}
	if !accepted {
		found["webhooks"] = "no example of a webhook that is accepted"
	}
	return found
}

// attempt is what is sent, to be changed.
type attempt struct {
	delivery adapters.Delivery
	secrets  []string
	at       time.Time
}

func (d Delivery) try(webhook *adapters.Webhook, change func(*attempt)) (string, error) {
	header := http.Header{}
	for name, value := range d.Headers {
		header.Set(name, value)
	}
	a := attempt{delivery: adapters.Delivery{Method: d.Method, URL: d.URL, Header: header, Body: []byte(d.Body)}, secrets: []string{"another-secret-that-is-no-longer-used", d.Secret}, at: d.At}
	if change != nil {
		change(&a)
	}
	return webhook.Verify(a.delivery, a.secrets, a.at)
}

// forgeries are the changes after which nothing may be accepted.
func forgeries(webhook *adapters.Webhook) map[string]func(*attempt) {
	all := map[string]func(*attempt){
		"another body":   func(a *attempt) { a.delivery.Body = append(a.delivery.Body, ' ') },
		"no body":        func(a *attempt) { a.delivery.Body = nil },
		"another secret": func(a *attempt) { a.secrets = []string{strings.Repeat("QUJD", 12)} },
		"no secret":      func(a *attempt) { a.secrets = []string{""} },
		"no signature": func(a *attempt) {
			for _, name := range webhook.Headers {
				a.delivery.Header.Del(name)
			}
		},
	}
	if webhook.StampFormat != "" {
		all["too late"] = func(a *attempt) { a.at = a.at.Add(webhook.Tolerance + time.Minute) }
		all["too early"] = func(a *attempt) { a.at = a.at.Add(-webhook.Tolerance - time.Minute) }
	}
	if strings.Contains(webhook.Signs, "{url}") {
		all["another address"] = func(a *attempt) { a.delivery.URL += "x" }
	}
	return all
}
