package adapters

import (
	"fmt"
	"net/http"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

var soapShape = source.Record(
	source.Field{Name: "version", Is: source.Choice(soap11, soap12), About: "The version of SOAP.", Default: "'1.1'", Example: "'1.2'"},
	source.Field{Name: "action", Is: source.Template(), About: "What SOAPAction says.", Default: "empty", Example: "urn:orders#GetOrder"},
	source.Field{Name: "namespaces", Is: source.Named(source.Text()), About: "The prefixes that names below may have.", Default: "none", Example: "{o: 'urn:orders'}"},
	source.Field{Name: "header", Is: source.Named(treeShape), About: "What stands in the envelope's header.", Default: "there is none", Example: "{'o:Tenant': '${conn.tenant}'}"},
	source.Field{Name: "body", Is: source.Named(treeShape), Required: true, About: "What stands in the envelope's body: elements in this order, attributes with @ before the name.", Example: "{'o:GetOrder': {'o:Number': '${input.number}'}}"},
)

// The versions of SOAP.
const (
	soap11 = "1.1"
	soap12 = "1.2"
)

var envelopes = map[string]string{soap11: "http://schemas.xmlsoap.org/soap/envelope/", soap12: "http://www.w3.org/2003/05/soap-envelope"}

// soapBody is an envelope.
type soapBody struct {
	version      string
	action       *rules.Template
	prefixes     []string // in order, each with its namespace
	namespaces   map[string]string
	header, body *tree
}

func parseSOAP(node *source.Node, in scope) *soapBody {
	if !node.Exists() {
		return nil
	}
	fields := node.Fields(soapShape)
	s := &soapBody{version: soap11, action: in.template(fields["action"]), namespaces: map[string]string{}}
	if fields["version"].Exists() {
		s.version = fields["version"].OneOf(soap11, soap12)
	}
	for _, prefix := range fields["namespaces"].Keys() {
		address := fields["namespaces"].Get(prefix)
		if !xmlPrefix.MatchString(prefix) || strings.EqualFold(prefix, "xml") || strings.EqualFold(prefix, "xmlns") || prefix == "soap" {
			fields["namespaces"].KeyNode(prefix).Errorf("choose another", "%q cannot be a prefix", prefix)
		}
		if address.Text() == "" {
			address.Errorf("write the address of the namespace, as the WSDL has it under targetNamespace", "the prefix %q stands for nothing", prefix)
		}
		s.prefixes, s.namespaces[prefix] = append(s.prefixes, prefix), address.Text()
	}
	body := node.Required("body", "write the element that the service wants, as in body: {'o:GetOrder': {'o:Number': '${input.number}'}}")
	checkXML(fields["header"], s.namespaces)
	checkXML(body, s.namespaces)
	s.header, s.body = parseTree(fields["header"], in), parseTree(body, in)
	if body.Exists() && body.Kind() != source.Map {
		body.Errorf("", "the body is a mapping from the names of elements")
	}
	return s
}

// encode writes the envelope.
func (s *soapBody) encode(vars map[string]rules.Value) ([]byte, error) {
	w := &xmlWriter{}
	w.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<soap:Envelope xmlns:soap="` + envelopes[s.version] + `"`)
	for _, prefix := range s.prefixes {
		w.WriteString(" xmlns:" + prefix + `="`)
		if err := w.text(s.namespaces[prefix]); err != nil {
			return nil, fmt.Errorf("namespaces: %w", err)
		}
		w.WriteByte('"')
	}
	w.WriteByte('>')
	if s.header != nil {
		if err := w.element("soap:Header", s.header, vars); err != nil {
			return nil, err
		}
	}
	if err := w.element("soap:Body", s.body, vars); err != nil {
		return nil, err
	}
	w.WriteString("</soap:Envelope>")
	return w.Bytes(), nil
}

func (s *soapBody) contentType() string {
	if s.version == soap12 {
		return "application/soap+xml; charset=utf-8"
	}
	return "text/xml; charset=utf-8"
}

// headers sets what belongs to an envelope.
func (s *soapBody) headers(header http.Header, vars map[string]rules.Value) error {
	action := ""
	if s.action != nil {
		value, err := s.action.Eval(vars)
		if err != nil {
			return fmt.Errorf("action: %w", err)
		}
		action = value.String()
	}
	if strings.ContainsAny(action, `"\`) {
		return fmt.Errorf("action: it would hold a quote")
	}
	header.Set("Accept", "text/xml, application/soap+xml, application/xml")
	if s.version == soap11 {
		return setHeader(header, "SOAPAction", `"`+action+`"`)
	}
	if action == "" {
		return nil
	}
	return setHeader(header, "Content-Type", s.contentType()+`; action="`+action+`"`)
}

// readSOAP takes the body out of its envelope.
func readSOAP(text []byte) (rules.Value, error) {
	document, err := readXML(text)
	if err != nil {
		return rules.Value{}, err
	}
	body := document.Path("Envelope", "Body")
	switch {
	case document.Get("Envelope").IsMissing():
		return rules.Value{}, fmt.Errorf("not an envelope of SOAP")
	case body.Kind() == rules.KindText && strings.TrimSpace(body.Text()) == "":
		return rules.Record(nil), nil // an empty body
	case body.Kind() != rules.KindRecord:
		return rules.Value{}, fmt.Errorf("an envelope of SOAP without a body")
	}
	if fault := body.Get("Fault"); !fault.IsMissing() {
		return body.With("fault", plainFault(fault)), nil
	}
	return body, nil
}

// plainFault is a fault of either version with the same names: code, subcode, reason and detail.
func plainFault(fault rules.Value) rules.Value {
	code, reason, detail := fault.Get("faultcode"), fault.Get("faultstring"), fault.Get("detail")
	subcode := rules.Missing()
	if code.IsMissing() {
		code, detail = fault.Path("Code", "Value"), fault.Get("Detail")
		subcode = localName(fault.Path("Code", "Subcode", "Value"))
		reason = fault.Path("Reason", "Text")
		if reason.Kind() == rules.KindList { // one for each language
			reason = reason.At(0)
		}
	}
	return rules.Record(map[string]rules.Value{"code": localName(code), "subcode": subcode, "reason": plainText(reason), "detail": detail})
}

// plainText is the text of an element, with or without attributes.
func plainText(value rules.Value) rules.Value {
	if value.Kind() == rules.KindRecord {
		value = value.Get("#text")
	}
	if value.Kind() != rules.KindText {
		return rules.Missing()
	}
	return rules.Text(strings.TrimSpace(value.Text()))
}

func localName(value rules.Value) rules.Value {
	text := plainText(value)
	if _, local, prefixed := strings.Cut(text.Text(), ":"); prefixed {
		return rules.Text(local)
	}
	return text
}

// said reads a fault. One that blames the sender was not carried out; one of the receiver proves nothing.
func (s *soapBody) said(body rules.Value) said {
	fault := body.Get("fault")
	if fault.IsMissing() {
		return said{}
	}
	found := said{message: fault.Get("reason").Text(), decides: true}
	code := fault.Get("code").Text()
	what := strings.ToLower(code + " " + fault.Get("subcode").Text())
	head, _, _ := strings.Cut(code, ".")
	switch {
	case strings.Contains(what, "authentication") || strings.Contains(what, "securitytoken") || strings.Contains(what, "failedcheck") || strings.Contains(what, "unauthori"):
		found.class, found.nothing = contracts.Auth, true
	case head == "Client" || head == "Sender":
		found.class, found.nothing = contracts.Validation, true
	case head == "VersionMismatch" || head == "MustUnderstand" || head == "DataEncodingUnknown":
		found.class, found.nothing = contracts.Drift, true
	default:
		found.class = contracts.Unavailable
	}
	if code != "" {
		found.message = strings.TrimSpace(found.message + " (" + strings.TrimSpace(code+" "+fault.Get("subcode").Text()) + ")")
	}
	return found
}
