package adapters

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strings"
	"time"

	"crosswalk/rules"
)

// functions are those that adapters have beyond the profile's own: for the ways in which systems write
// money, time and queries. All are pure.
var functions = []rules.Function{
	{Name: "texts", Params: types(optional(rules.KindAny)), Result: rules.ListOf(rules.TypeOf(rules.KindText)), Call: texts},
	{Name: "split", Params: types(optional(rules.KindText), rules.TypeOf(rules.KindText)), Result: rules.ListOf(rules.TypeOf(rules.KindText)), Call: split},
	{Name: "digits", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: digits},
	{Name: "money", Params: types(rules.TypeOf(rules.KindNumber), rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindNumber), Call: money},
	{Name: "minor", Params: types(rules.TypeOf(rules.KindNumber), rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindNumber), Call: minor},
	{Name: "from_epoch", Params: types(rules.TypeOf(rules.KindNumber)), Result: rules.TypeOf(rules.KindInstant), Call: fromEpoch},
	{Name: "epoch", Params: types(rules.TypeOf(rules.KindInstant)), Result: rules.TypeOf(rules.KindNumber), Call: epoch},
	{Name: "utc", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindInstant), Call: utc},
	{Name: "zq", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: zendeskQuote},
	{Name: "base64url", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: base64url},
	{Name: "next_link", Params: types(optional(rules.KindText)), Result: optional(rules.KindText), Call: nextLink},
}

func types(t ...*rules.Type) []*rules.Type { return t }

func optional(kind rules.Kind) *rules.Type { return rules.TypeOf(kind).AsOptional() }

// texts is texts([a, [b, c]]): all texts in a value, in order, without empty ones and repeats.
func texts(arguments []rules.Value) (rules.Value, error) {
	var found []rules.Value
	seen := map[string]bool{}
	var walk func(v rules.Value)
	walk = func(v rules.Value) {
		switch v.Kind() {
		case rules.KindList:
			for _, item := range v.Items() {
				walk(item)
			}
		case rules.KindText, rules.KindNumber:
			if text := strings.TrimSpace(v.String()); text != "" && !seen[text] {
				seen[text] = true
				found = append(found, rules.Text(text))
			}
		}
	}
	walk(arguments[0])
	return rules.List(found...), nil
}

func split(arguments []rules.Value) (rules.Value, error) {
	var parts []rules.Value
	for _, part := range strings.Split(arguments[0].Text(), arguments[1].Text()) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, rules.Text(part))
		}
	}
	return rules.List(parts...), nil
}

// digits keeps the digits of a text.
func digits(arguments []rules.Value) (rules.Value, error) {
	return rules.Text(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, arguments[0].Text())), nil
}

// decimals is how many decimals a currency has where that is not two (ISO 4217, as payment systems use it).
var decimals = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "JPY": 0, "KMF": 0, "KRW": 0, "MGA": 0, "PYG": 0, "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3,
}

func unit(currency rules.Value) rules.Num {
	places, odd := decimals[strings.ToUpper(currency.Text())]
	if !odd {
		places = 2
	}
	return rules.Int(int64(math.Pow10(places)))
}

// money is an amount of the currency from its smallest unit: money(1999, "eur") is 19.99.
func money(arguments []rules.Value) (rules.Value, error) {
	amount, err := arguments[0].Num().Quo(unit(arguments[1]))
	return rules.Number(amount), err
}

// minor is the way back, refused where it would lose something.
func minor(arguments []rules.Value) (rules.Value, error) {
	amount, err := arguments[0].Num().Mul(unit(arguments[1]))
	if err == nil && !amount.IsInt() {
		err = fmt.Errorf("%s %s has more decimals than the currency", arguments[0], arguments[1])
	}
	return rules.Number(amount), err
}

func fromEpoch(arguments []rules.Value) (rules.Value, error) {
	seconds, ok := arguments[0].Num().Int64()
	if !ok || seconds > 253402300799 {
		return rules.Value{}, fmt.Errorf("%s is not a time in seconds", arguments[0])
	}
	return rules.Instant(time.Unix(seconds, 0)), nil
}

func epoch(arguments []rules.Value) (rules.Value, error) {
	return rules.Number(rules.Int(arguments[0].Time().Unix())), nil
}

// utc reads a time that is written without a zone and meant in UTC.
func utc(arguments []rules.Value) (rules.Value, error) {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", time.RFC3339} {
		if at, err := time.Parse(layout, arguments[0].Text()); err == nil {
			return rules.Instant(at), nil
		}
	}
	return rules.Value{}, fmt.Errorf("%q is not a date and time", arguments[0].Text())
}

// zendeskQuote quotes a text for Zendesk's search language, so that it is one value whatever it holds.
func zendeskQuote(arguments []rules.Value) (rules.Value, error) {
	return rules.Text(`"` + strings.NewReplacer(`\`, ``, `"`, ``, "\r", " ", "\n", " ").Replace(arguments[0].Text()) + `"`), nil
}

func base64url(arguments []rules.Value) (rules.Value, error) {
	return rules.Text(base64.RawURLEncoding.EncodeToString([]byte(arguments[0].Text()))), nil
}

var linkNext = regexp.MustCompile(`<([^<>]*)>\s*;[^,]*\brel="?next"?`)

// nextLink finds the address of the next page in a Link header; missing if there is none.
func nextLink(arguments []rules.Value) (rules.Value, error) {
	if match := linkNext.FindStringSubmatch(arguments[0].Text()); match != nil {
		return rules.Text(match[1]), nil
	}
	return rules.Missing(), nil
}

// setHeader sets a header whose value came from data: without line breaks, or the request is refused.
func setHeader(header http.Header, name, value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }) {
		return fmt.Errorf("the header %s would hold control characters", name)
	}
	header.Set(name, value)
	return nil
}
