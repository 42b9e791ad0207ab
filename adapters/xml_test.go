package adapters

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

func TestReadXML(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<a/>`:       `{"a":""}`,
		`<a> x </a>`: `{"a":" x "}`,
		`<?xml version="1.0" encoding="iso-8859-1"?><a>` + "\xe4" + `</a>`:                                      `{"a":"ä"}`,
		`<n:a xmlns:n="urn:x" xmlns="urn:y"><n:b>1</n:b><b>2</b><c k="v">t</c></n:a>`:                           `{"a":{"b":["1","2"],"c":{"#text":"t","@k":"v"}}}`,
		`<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><b xsi:nil="true"/><c xsi:type="x">1</c></a>`: `{"a":{"c":"1"}}`,
		`<a><![CDATA[<b>&amp;]]>&lt;&#65;</a>`:                                                                  `{"a":"\u003cb\u003e\u0026amp;\u003cA"}`,
		"<a>\n <!-- c --> <b>1</b>\n</a>":                                                                       `{"a":{"b":"1"}}`,
	} {
		value, err := readXML([]byte(text))
		require.NoError(t, err, text)
		plain, err := rules.FromJSON([]byte(want))
		require.NoError(t, err)
		require.Equal(t, string(plain.Plain()), string(value.Plain()), text)
	}
}

func TestXMLThatIsRefused(t *testing.T) {
	t.Parallel()
	for text, message := range map[string]string{
		``:        "it is empty",
		`<a>`:     "unexpected EOF",
		`<a></b>`: "closed by",
		`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`: "it declares a document type",
		`<a>&x;</a>`:  "invalid character entity",
		`<a/><b/>`:    "more after its end",
		`<a/>x`:       "text outside of its root",
		"<a>\x00</a>": "illegal character",
		"<a>\xff</a>": "invalid UTF-8",
		strings.Repeat("<a>", 101) + strings.Repeat("</a>", 101): "more than 100 elements in one another",
		"<a>" + strings.Repeat("<b/>", 600_000) + "</a>":         "more than 1000000 elements",
		`<?xml version="1.0" encoding="klingon"?><a/>`:           `unknown encoding "klingon"`,
	} {
		_, err := readXML([]byte(text))
		require.ErrorContains(t, err, message, text[:min(len(text), 80)])
	}
}

// FuzzReadXML: no document makes the reader fall over, and what it reads can be written and read again.
func FuzzReadXML(f *testing.F) {
	for _, seed := range []string{`<a b="c">d<e/><e>1</e></a>`, `<?xml version="1.0"?><x:a xmlns:x="y"/>`, `<a>&lt;</a>`, `<!DOCTYPE a><a/>`, `<a><b></a>`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		value, err := readXML(text)
		if err != nil {
			return
		}
		w := &xmlWriter{}
		if err := w.value(value.Keys()[0], value.Items()[0]); err != nil {
			return // names that only a reader takes
		}
		again, err := readXML(w.Bytes())
		require.NoError(t, err, w.String())
		if value.Get(value.Keys()[0]).Kind() == rules.KindText {
			require.Equal(t, value.Len(), again.Len())
		}
	})
}

// FuzzReadRows: no table makes the reader fall over.
func FuzzReadRows(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "a;b\r\n\"x\"\"y\";2\r\n", "\xef\xbb\xbfa\n1", "\xff\xfea\x00\n\x00", "a,a\n", "a\n1,2\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rows, err := plainTable.readAll(text)
		if err != nil {
			require.ErrorIs(t, err, errRows)
			return
		}
		for _, row := range rows.Items() {
			require.Equal(t, rules.KindRecord, row.Kind())
		}
	})
}
