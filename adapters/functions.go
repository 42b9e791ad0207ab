package adapters

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/rules"
)

// functions are those that adapters have beyond the profile's own: for the ways in which systems write
// money, time and queries. All are pure.
var functions = slices.Concat(ownFunctions, odataFunctions, mailFunctions)

var ownFunctions = []rules.Function{
	{Name: "texts", Params: types(optional(rules.KindAny)), Result: rules.ListOf(rules.TypeOf(rules.KindText)), Call: texts},
	{Name: "field", Params: types(optional(rules.KindAny), rules.TypeOf(rules.KindText)), Result: optional(rules.KindAny), Call: field},
	{Name: "entry", Params: types(rules.TypeOf(rules.KindText), optional(rules.KindAny)), Result: anything, Call: entry},
	{Name: "ticketsql", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: ticketSQL},
	{Name: "blank", Params: types(optional(rules.KindAny)), Result: optional(rules.KindAny), Call: blank},
	{Name: "one_of", Params: types(optional(rules.KindAny), rules.TypeOf(rules.KindList)), Result: optional(rules.KindText), Call: oneOf},
	{Name: "country", Params: types(optional(rules.KindAny)), Result: optional(rules.KindText), Call: country},
	{Name: "language", Params: types(optional(rules.KindAny)), Result: optional(rules.KindText), Call: language},
	{Name: "handle", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: handle},
	{Name: "longest_number", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: longestNumber},
	{Name: "tail", Params: types(rules.TypeOf(rules.KindText), rules.TypeOf(rules.KindNumber)), Result: rules.TypeOf(rules.KindText), Call: tail},
	{Name: "stripe_quote", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: stripeQuote},
	{Name: "digits", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: digits},
	{Name: "money", Params: types(rules.TypeOf(rules.KindNumber), rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindNumber), Call: money},
	{Name: "minor", Params: types(rules.TypeOf(rules.KindNumber), rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindNumber), Call: minor},
	{Name: "from_epoch", Params: types(rules.TypeOf(rules.KindNumber)), Result: rules.TypeOf(rules.KindInstant), Call: fromEpoch},
	{Name: "epoch", Params: types(rules.TypeOf(rules.KindInstant)), Result: rules.TypeOf(rules.KindNumber), Call: epoch},
	{Name: "utc", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindInstant), Call: utc},
	{Name: "zq", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: zendeskQuote},
	{Name: "base64url", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: base64url},
	{Name: "segments", Params: types(rules.TypeOf(rules.KindText)), Result: rules.ListOf(rules.TypeOf(rules.KindText)), Call: segments},
	{Name: "listed", Params: types(optional(rules.KindAny)), Result: rules.TypeOf(rules.KindList), Call: listed},
	{Name: "base64", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: base64text},
	{Name: "cookie", Params: types(optional(rules.KindText), rules.TypeOf(rules.KindText)), Result: optional(rules.KindText), Call: cookie},
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

// field is field(record, "name"): for a name that a setting gives.
func field(arguments []rules.Value) (rules.Value, error) {
	return arguments[0].Get(arguments[1].Text()), nil
}

// listed is a value as a list: itself, alone in a list, or an empty list for missing. XML does not say whether an element
// that comes once could come twice.
func listed(arguments []rules.Value) (rules.Value, error) {
	switch arguments[0].Kind() {
	case rules.KindList:
		return arguments[0], nil
	case rules.KindMissing:
		return rules.List(), nil
	default:
		return rules.List(arguments[0]), nil
	}
}

// entry is a record with one field, whose name a setting gives.
func entry(arguments []rules.Value) (rules.Value, error) {
	return rules.Record(map[string]rules.Value{arguments[0].Text(): arguments[1]}), nil
}

// ticketSQL quotes a text for Request Tracker's query language.
func ticketSQL(arguments []rules.Value) (rules.Value, error) {
	return rules.Text(`'` + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\r", " ", "\n", " ").Replace(arguments[0].Text()) + `'`), nil
}

// blank is the value, or missing for an empty text: many systems write "" for what is not there.
func blank(arguments []rules.Value) (rules.Value, error) {
	if arguments[0].Kind() == rules.KindText && strings.TrimSpace(arguments[0].Text()) == "" {
		return rules.Missing(), nil
	}
	return arguments[0], nil
}

// oneOf is the text in lower case if the list holds it, else missing.
func oneOf(arguments []rules.Value) (rules.Value, error) {
	text := rules.Text(strings.ToLower(strings.TrimSpace(arguments[0].Text())))
	if containsValue(arguments[1].Items(), text) {
		return text, nil
	}
	return rules.Missing(), nil
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

// country is the text if it is a code of two letters, as systems write countries; a name is missing.
func country(arguments []rules.Value) (rules.Value, error) {
	if code := strings.ToUpper(strings.TrimSpace(arguments[0].Text())); countryCode.MatchString(code) {
		return rules.Text(code), nil
	}
	return rules.Missing(), nil
}

var languageCode = regexp.MustCompile(`^[a-z]{2}([_-]|$)`)

// language is the first part of a code such as de-AT.
func language(arguments []rules.Value) (rules.Value, error) {
	if code := strings.ToLower(strings.TrimSpace(arguments[0].Text())); languageCode.MatchString(code) {
		return rules.Text(code[:2]), nil
	}
	return rules.Missing(), nil
}

// handle is a social handle without its @, in lower case.
func handle(arguments []rules.Value) (rules.Value, error) {
	return rules.Text(strings.ToLower(strings.TrimLeft(strings.TrimSpace(arguments[0].Text()), "@"))), nil
}

var number = regexp.MustCompile(`[0-9]+`)

// longestNumber is the longest row of digits in a text: the number in "Order #10427/1".
func longestNumber(arguments []rules.Value) (rules.Value, error) {
	longest := ""
	for _, digits := range number.FindAllString(arguments[0].Text(), -1) {
		if len(digits) > len(longest) {
			longest = digits
		}
	}
	return rules.Text(longest), nil
}

// tail is the end of a text, of at most so many characters.
func tail(arguments []rules.Value) (rules.Value, error) {
	characters := []rune(arguments[0].Text())
	count, ok := arguments[1].Num().Int64()
	if !ok || count < 0 {
		return rules.Value{}, fmt.Errorf("%s is no number of characters", arguments[1])
	}
	return rules.Text(string(characters[max(0, len(characters)-int(min(count, int64(len(characters))))):])), nil
}

// stripeQuote quotes a text for Stripe's search language.
func stripeQuote(arguments []rules.Value) (rules.Value, error) {
	return rules.Text(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", " ", "\n", " ").Replace(arguments[0].Text()) + `"`), nil
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
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", time.RFC3339, http.TimeFormat} {
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

func base64text(arguments []rules.Value) (rules.Value, error) {
	return rules.Text(base64.StdEncoding.EncodeToString([]byte(arguments[0].Text()))), nil
}

// cookie is the value of a cookie that a Set-Cookie header sets; several of them stand in one text, with commas.
func cookie(arguments []rules.Value) (rules.Value, error) {
	for _, part := range strings.FieldsFunc(arguments[0].Text(), func(r rune) bool { return r == ',' || r == ';' }) {
		if name, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok && name == arguments[1].Text() {
			return rules.Text(value), nil
		}
	}
	return rules.Missing(), nil
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
