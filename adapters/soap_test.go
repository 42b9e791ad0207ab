package adapters_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

const soapOrders = `  get_order:
    effect: read
    input: {number: string, lines: [string]}
    request:
      post: /Orders
      reads: true
      soap:
        version: '%s'
        action: urn:orders#Get
        namespaces: {o: 'urn:orders'}
        header: {'o:Tenant': acme}
        body:
          'o:GetOrder':
            '@o:lang': en
            'o:Number': '${input.number}'
            'o:Line': {each: '${input.lines}', give: {'o:Sku': '${item}'}}
            'o:Gone': '${missing}'
    output: {total: '${number(answer.body.GetOrderResponse.Total)}', skus: '${listed(answer.body.GetOrderResponse.Sku)}'}
  cancel_order:
    effect: write
    safety: at_most_once
    input: {number: string}
    request: {post: /Orders, soap: {version: '%s', body: {Cancel: {Number: '${input.number}'}}}}
    output: {ok: true}
`

func envelope(version, body string) string {
	space := map[string]string{"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}[version]
	return fmt.Sprintf(`<?xml version="1.0"?><e:Envelope xmlns:e="%s"><e:Body>%s</e:Body></e:Envelope>`, space, body)
}

func TestSOAP(t *testing.T) {
	t.Parallel()
	for version, contentType := range map[string]string{"1.1": "text/xml; charset=utf-8", "1.2": `application/soap+xml; charset=utf-8; action="urn:orders#Get"`} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var got, header, action string
			connection := clientOf(t, fmt.Sprintf(soapOrders, version, version), func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got, header, action = string(body), r.Header.Get("Content-Type"), r.Header.Get("SOAPAction")
				w.Header().Set("Content-Type", "text/xml")
				_, _ = io.WriteString(w, envelope(version, `<n:GetOrderResponse xmlns:n="urn:orders"><n:Total>12.50</n:Total><n:Sku>A</n:Sku></n:GetOrderResponse>`))
			}, boundless{})
			found, err := ask(t, connection, "support.get_order", fields{"number": rules.Text(`1</o:Number><evil a="&">`), "lines": rules.List(rules.Text("x"), rules.Text("y"))})
			require.NoError(t, err)
			require.Equal(t, `{"skus":["A"],"total":12.5}`, string(found.Plain()))
			require.Equal(t, contentType, header)
			require.Equal(t, version == "1.1", action == `"urn:orders#Get"`)
			require.Contains(t, got, `<soap:Header><o:Tenant>acme</o:Tenant></soap:Header><soap:Body><o:GetOrder o:lang="en"><o:Number>1&lt;/o:Number&gt;&lt;evil a=&#34;&amp;&#34;&gt;</o:Number><o:Line><o:Sku>x</o:Sku></o:Line><o:Line><o:Sku>y</o:Sku></o:Line></o:GetOrder></soap:Body></soap:Envelope>`)
		})
	}
}

// TestSOAPFaults come with a status of 500, or of 200.
func TestSOAPFaults(t *testing.T) {
	t.Parallel()
	old := func(code string) string {
		return envelope("1.1", `<e:Fault><faultcode>e:`+code+`</faultcode><faultstring>it is so</faultstring></e:Fault>`)
	}
	modern := func(code, sub string) string {
		return envelope("1.2", `<e:Fault><e:Code><e:Value>e:`+code+`</e:Value><e:Subcode><e:Value>x:`+sub+`</e:Value></e:Subcode></e:Code><e:Reason><e:Text xml:lang="en">it is so</e:Text></e:Reason></e:Fault>`)
	}
	for name, test := range map[string]struct {
		body        string
		status      int
		read, write contracts.Class
	}{
		"the sender's, 1.1":      {old("Client"), 500, contracts.Validation, contracts.Validation},
		"the sender's, with 200": {old("Client.Data"), 200, contracts.Validation, contracts.Validation},
		"no login":               {old("Client.Authentication"), 500, contracts.Auth, contracts.Auth},
		"the server's":           {old("Server"), 500, contracts.Unavailable, contracts.OutcomeUnknown},
		"the server's, with 200": {old("Server"), 200, contracts.Unavailable, contracts.OutcomeUnknown},
		"the sender's, 1.2":      {modern("Sender", "BadNumber"), 400, contracts.Validation, contracts.Validation},
		"the receiver's":         {modern("Receiver", "Busy"), 500, contracts.Unavailable, contracts.OutcomeUnknown},
		"another version":        {old("VersionMismatch"), 500, contracts.Drift, contracts.Drift},
		"a token that is none":   {modern("Sender", "InvalidSecurityToken"), 500, contracts.Auth, contracts.Auth},
		"no envelope":            {`<a/>`, 200, contracts.Drift, contracts.OutcomeUnknown},
		"not XML":                {`{"a":1}`, 200, contracts.Drift, contracts.OutcomeUnknown},
		"a document type":        {`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, 200, contracts.Drift, contracts.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hits := 0
			connection := clientOf(t, fmt.Sprintf(soapOrders, "1.1", "1.1"), func(w http.ResponseWriter, _ *http.Request) {
				hits++
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}, boundless{})
			_, err := ask(t, connection, "support.get_order", fields{"number": rules.Text("1")})
			failure := failureOf(t, err)
			require.Equal(t, test.read, failure.Class, failure.Message)
			if strings.Contains(test.body, "it is so") {
				require.Contains(t, failure.Message, "it is so (")
			}
			_, err = connection.Call(t.Context(), adapters.Call{Operation: "support.cancel_order", Key: "K", Input: rules.Record(fields{"number": rules.Text("1")})})
			require.Equal(t, test.write, failureOf(t, err).Class)
			require.Equal(t, 2, hits, "a fault is not sent again")
		})
	}
}

func TestSOAPIsRefused(t *testing.T) {
	t.Parallel()
	const head = "adapter: acme\ncontract: support\nconnection: {base_url: https://api.acme.example}\nauth: none\noperations:\n  x:\n    effect: read\n    output: {a: b}\n    request: {post: /x, reads: true, "
	for request, message := range map[string]string{
		"soap: {body: {'o:Get': x}}":                  `the prefix "o" is not declared`,
		"soap: {body: {'a b': x}}":                    `"a b" cannot be the name of an element`,
		"soap: {namespaces: {'1x': u}, body: {a: x}}": `"1x" cannot be a prefix`,
		"soap: {version: '2', body: {a: x}}":          `"2"`,
		"soap: {}":                                    `the field "body" is missing`,
		"xml: {a: x, b: y}":                           `a document in XML has one element that holds all others`,
		"answers: yaml":                               `yaml`,
		"csv: {delimiter: ab}":                        `"ab" cannot stand between cells`,
		"csv: {encoding: klingon}":                    `there is no encoding "klingon"`,
		"csv: {headings: false}":                      `needs the names of its columns`,
	} {
		require.Contains(t, parse(head+request+"}\n"), message)
	}
}

// TestBodiesAndAnswersOfAllForms sends XML, a form with a file and a file, and reads CSV, text and a file.
func TestBodiesAndAnswersOfAllForms(t *testing.T) {
	t.Parallel()
	operations := `  send_xml:
    effect: read
    request: {post: /xml, reads: true, xml: {order: {'@id': 7, line: {each: '${[1, 2]}', give: {sku: 'S${item}'}}}}}
    output: {got: '${answer.body.order.line[1].sku}'}
  send_form:
    effect: read
    input: {name: string}
    request: {post: /form, reads: true, answers: text, multipart: {title: 'a "b"', file: {name: '${input.name}', type: text/plain, content: hello}}}
    output: {got: '${answer.body}'}
  send_file:
    effect: read
    request: {post: /file, reads: true, answers: base64, file: {type: application/pdf, base64: AAEC}}
    output: {got: '${answer.body}'}
  read_rows:
    effect: read
    request: {get: /rows, answers: csv, csv: {delimiter: ';', encoding: windows-1252}, items: '${body}', where: 'item["Menge"] != "0"'}
    output: {got: '${map(answer.items, .Artikel)}'}
`
	connection := clientOf(t, operations, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/form":
			file, header, err := r.FormFile("file")
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			content, _ := io.ReadAll(file)
			_, _ = fmt.Fprintf(w, "%s|%s|%s", r.FormValue("title"), header.Filename, content)
		case "/rows":
			_, _ = io.WriteString(w, "Artikel;Menge\r\n\"K\xe4se; alt\";2\r\nBrot;0\r\n")
		default:
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		}
	}, boundless{})
	for operation, want := range map[string]string{
		"send_xml": "S2", "send_form": `a "b"|x%22y.txt|hello`, "send_file": "AAEC", "read_rows": `["Käse; alt"]`,
	} {
		found, err := ask(t, connection, "support."+operation, fields{"name": rules.Text(`x"y.txt`)})
		require.NoError(t, err, operation)
		require.Equal(t, want, strings.Trim(found.Get("got").String(), " "), operation)
	}
}
