package adapters

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"crosswalk/rules"
)

// odataFunctions are for systems that speak OData: how values stand in $filter and in keys, and where the versions 2 and
// 4 put a list, the address of its next page and the words of an error.
var odataFunctions = []rules.Function{
	{Name: "odata", Params: types(rules.TypeOf(rules.KindAny)), Result: rules.TypeOf(rules.KindText), Call: odataLiteral},
	{Name: "odata_v2", Params: types(rules.TypeOf(rules.KindAny)), Result: rules.TypeOf(rules.KindText), Call: odataOldLiteral},
	{Name: "odata_guid", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: odataGUID},
	{Name: "odata_items", Params: types(optional(rules.KindAny)), Result: rules.TypeOf(rules.KindList), Call: odataItems},
	{Name: "odata_next", Params: types(optional(rules.KindAny)), Result: optional(rules.KindText), Call: odataNext},
	{Name: "odata_message", Params: types(optional(rules.KindAny)), Result: optional(rules.KindText), Call: odataMessage},
	{Name: "odata_time", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindInstant), Call: odataTime},
}

// odataLiteral writes a value for $filter or a key of version 4, so that it is one value whatever it holds.
func odataLiteral(arguments []rules.Value) (rules.Value, error) {
	return odataWrite(arguments[0], false)
}

// odataOldLiteral writes it for version 2, where dates, times and exact numbers carry their type.
func odataOldLiteral(arguments []rules.Value) (rules.Value, error) {
	return odataWrite(arguments[0], true)
}

func odataWrite(value rules.Value, old bool) (rules.Value, error) {
	switch kind := value.Kind(); kind {
	case rules.KindText:
		return rules.Text("'" + strings.ReplaceAll(value.Text(), "'", "''") + "'"), nil
	case rules.KindNumber:
		if old && !value.Num().IsInt() {
			return rules.Text(value.String() + "M"), nil
		}
		return rules.Text(value.String()), nil
	case rules.KindBool:
		return rules.Text(value.String()), nil
	case rules.KindDate:
		if old {
			return rules.Text("datetime'" + value.String() + "T00:00:00'"), nil
		}
		return rules.Text(value.String()), nil
	case rules.KindInstant:
		if old {
			return rules.Text("datetimeoffset'" + value.Time().UTC().Format(time.RFC3339Nano) + "'"), nil
		}
		return rules.Text(value.Time().UTC().Format(time.RFC3339Nano)), nil
	default:
		return rules.Value{}, fmt.Errorf("a %s cannot stand in a query of OData", kind)
	}
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// odataGUID is a GUID, which stands without quotes and must therefore be one.
func odataGUID(arguments []rules.Value) (rules.Value, error) {
	if !guid.MatchString(arguments[0].Text()) {
		return rules.Value{}, fmt.Errorf("%q is not a GUID", arguments[0].Text())
	}
	return arguments[0], nil
}

// odataItems is the list of an answer: value in version 4, d.results or d in version 2.
func odataItems(arguments []rules.Value) (rules.Value, error) {
	body := arguments[0]
	for _, list := range []rules.Value{body.Get("value"), body.Path("d", "results"), body.Get("d")} {
		if list.Kind() == rules.KindList {
			return list, nil
		}
	}
	return rules.Value{}, fmt.Errorf("the answer has no list under value, d.results or d")
}

// odataNext is the address of the next page; missing if there is none.
func odataNext(arguments []rules.Value) (rules.Value, error) {
	body := arguments[0]
	for _, next := range []rules.Value{body.Get("@odata.nextLink"), body.Get("@nextLink"), body.Get("odata.nextLink"), body.Path("d", "__next")} {
		if next.Kind() == rules.KindText {
			return next, nil
		}
	}
	return rules.Missing(), nil
}

// odataMessage is what an error says: error.message, in version 2 error.message.value.
func odataMessage(arguments []rules.Value) (rules.Value, error) {
	for _, name := range []string{"error", "odata.error"} {
		message := arguments[0].Path(name, "message")
		if inner := message.Get("value"); inner.Kind() == rules.KindText {
			return inner, nil
		}
		if message.Kind() == rules.KindText {
			return message, nil
		}
	}
	return rules.Missing(), nil
}

var oldTime = regexp.MustCompile(`^/Date\((-?[0-9]{1,15})([+-][0-9]{1,4})?\)/$`)

// odataTime reads a time of either version: /Date(1700000000000)/, or as ISO 8601, without a zone meant in UTC.
func odataTime(arguments []rules.Value) (rules.Value, error) {
	found := oldTime.FindStringSubmatch(arguments[0].Text())
	if found == nil {
		return utc(arguments)
	}
	millis, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		return rules.Value{}, fmt.Errorf("%q is not a time", arguments[0].Text())
	}
	return rules.Instant(time.UnixMilli(millis)), nil
}
