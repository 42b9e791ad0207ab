package adapters

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"crosswalk/rules"
)

// pair is one name and value of a query or form.
type pair struct{ name, value string }

// flatten writes a record as the pairs of a form: nested fields in brackets, a[b]=c and a[0]=b, as
// Stripe and its likes read them. What is missing is left out.
func flatten(record rules.Value) []pair {
	var pairs []pair
	for i, key := range record.Keys() {
		pairs = flattenInto(pairs, key, record.Items()[i])
	}
	return pairs
}

func flattenInto(pairs []pair, name string, value rules.Value) []pair {
	switch value.Kind() {
	case rules.KindMissing:
		return pairs
	case rules.KindRecord:
		for i, key := range value.Keys() {
			pairs = flattenInto(pairs, name+"["+key+"]", value.Items()[i])
		}
		return pairs
	case rules.KindList:
		for i, item := range value.Items() {
			pairs = flattenInto(pairs, name+"["+strconv.Itoa(i)+"]", item)
		}
		return pairs
	default:
		return append(pairs, pair{name, value.String()})
	}
}

// encode joins pairs in the order of their names.
func encode(pairs []pair) string {
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	var out strings.Builder
	for i, p := range pairs {
		if i > 0 {
			out.WriteByte('&')
		}
		out.WriteString(url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value))
	}
	return out.String()
}

// encodeQuery writes pairs into an address: with %20 for a blank and $ as it stands, which every server understands,
// those of OData too.
func encodeQuery(pairs []pair) string {
	return strings.NewReplacer("+", "%20", "%24", "$").Replace(encode(pairs))
}

// segment writes a value into a path. It never adds a segment, leaves one out or climbs: PathEscape
// alone would let dots through.
func segment(value rules.Value) (string, error) {
	if kind := value.Kind(); kind == rules.KindList || kind == rules.KindRecord {
		return "", fmt.Errorf("a %s cannot stand in a path", kind)
	}
	text := value.String()
	if text == "" || strings.Trim(text, ".") == "" {
		return "", fmt.Errorf("%q cannot stand in a path", text)
	}
	return url.PathEscape(text), nil
}
