package adapters

import (
	"crypto/md5"
	"encoding/hex"
	"strings"

	"crosswalk/rules"
)

// quotingFunctions write texts into the query languages of products, so that each stays one value whatever it holds.
var quotingFunctions = []rules.Function{
	{Name: "soql", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: soqlQuote},
	{Name: "sdata", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: sdataQuote},
	{Name: "shopify_quote", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: shopifyQuote},
	{Name: "servicenow_quote", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: serviceNowQuote},
	{Name: "jql", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: jqlQuote},
	{Name: "md5", Params: types(rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: md5Hex},
}

// soqlQuote quotes a text for Salesforce's query language.
func soqlQuote(arguments []rules.Value) (rules.Value, error) {
	return rules.Text("'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(arguments[0].Text()) + "'"), nil
}

// jqlQuote quotes a text for Jira's query language.
func jqlQuote(arguments []rules.Value) (rules.Value, error) {
	return rules.Text(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", " ", "\n", " ").Replace(arguments[0].Text()) + `"`), nil
}

// sdataQuote quotes a text for the where parameter of SData.
func sdataQuote(arguments []rules.Value) (rules.Value, error) {
	return rules.Text("'" + strings.ReplaceAll(arguments[0].Text(), "'", "''") + "'"), nil
}

// shopifyQuote quotes a text for Shopify's search syntax.
func shopifyQuote(arguments []rules.Value) (rules.Value, error) {
	return rules.Text(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", " ", "\n", " ").Replace(arguments[0].Text()) + `"`), nil
}

// serviceNowQuote makes a text safe in an encoded query of ServiceNow, which knows no quotes: ^ separates conditions, and is
// written twice to stand for itself.
func serviceNowQuote(arguments []rules.Value) (rules.Value, error) {
	return rules.Text(strings.NewReplacer("^", "^^", "\r", " ", "\n", " ").Replace(arguments[0].Text())), nil
}

// md5Hex is the sum by which some systems name a record; nothing is kept secret by it.
func md5Hex(arguments []rules.Value) (rules.Value, error) {
	sum := md5.Sum([]byte(arguments[0].Text()))
	return rules.Text(hex.EncodeToString(sum[:])), nil
}
