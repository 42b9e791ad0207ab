package adapters

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"crosswalk/rules"
	"crosswalk/source"
)

// pattern is what the texts of a setting must look like.
type pattern struct{ *regexp.Regexp }

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// connection reads where a system is, and which settings and secrets it takes.
func (p *parser) connection(node *source.Node) {
	fields := node.Fields(connectionShape)
	a := p.adapter
	a.Settings = parseFields(fields["settings"], false)
	a.Secrets = parseFields(fields["secrets"], true)
	p.base = emptyScope().with("conn", settingsType(a.Settings)).with("base", rules.TypeOf(rules.KindText))
	base := fields["base_url"]
	if a.OffHTTP() {
		base.Errorf("remove it; settings say where the system is", "base_url is for HTTP adapters")
		p.serverSettings(node)
		return
	}
	if base == nil {
		node.Errorf("write the address that all paths begin with; a customer's own is a setting, as in '{base_url}'", "the field %q is missing", "base_url")
		return
	}
	a.baseURL = base.Text()
	for _, match := range placeholder.FindAllStringSubmatch(a.baseURL, -1) {
		p.checkPlaceholder(base, match[1])
	}
	example, err := url.Parse(placeholder.ReplaceAllString(a.baseURL, "1")) // which can stand for a host and for a port
	if strings.HasPrefix(a.baseURL, "{") {
		return // the whole address is a setting, which has a format of its own
	}
	if err != nil || !plainAddress(example) {
		base.Errorf("write for example https://api.example.com/v1", "%q is not an https address", a.baseURL)
	}
}

// plainAddress says whether all paths can begin with an address. A host in other letters than ASCII's is written as xn--…, so
// that one that only looks like another is seen.
func plainAddress(at *url.URL) bool {
	port, err := strconv.ParseUint(cmp.Or(at.Port(), "443"), 10, 16)
	foreign := strings.ContainsFunc(at.Host, func(r rune) bool { return r >= utf8.RuneSelf })
	return err == nil && port > 0 && !foreign && at.Scheme == "https" && at.Hostname() != "" && at.RawQuery == "" && at.Fragment == "" && at.User == nil
}

// checkPlaceholder makes sure that what is put into an address cannot change its host unseen.
func (p *parser) checkPlaceholder(base *source.Node, name string) {
	var names []string
	for _, field := range p.adapter.Settings {
		if names = append(names, field.Name); field.Name != name {
			continue
		}
		if field.pattern.Regexp == nil && field.Format == "" {
			base.Errorf("give the setting a pattern, or format: origin or hostname", "the setting %q goes into an address without any check", name)
		}
		return
	}
	base.Errorf(source.DidYouMean(name, names), "there is no setting %q", name)
}

// parseFields reads settings or secrets.
func parseFields(node *source.Node, secret bool) []Field {
	var fields []Field
	for _, name := range node.Keys() {
		if !fieldName.MatchString(name) {
			node.KeyNode(name).Errorf("use lower case letters, digits and _", "%q cannot be the name of a setting", name)
		}
		fields = append(fields, parseField(name, node.Get(name), secret))
	}
	if node.Exists() && node.Kind() != source.Map {
		node.Map()
	}
	return fields
}

func parseField(name string, node *source.Node, secret bool) Field {
	shape := settingShape
	if secret {
		shape = secretShape
	}
	in := node.Fields(shape)
	field := Field{Name: name, Title: in["title"].Text(), Description: in["description"].Text(), Required: in["required"].Bool(), Type: rules.TypeOf(rules.KindText)}
	if field.Title == "" {
		field.Title = name
	}
	if in["pattern"].Exists() {
		text := in["pattern"].Text()
		expression, err := regexp.Compile(text)
		if err != nil || !strings.HasPrefix(text, "^") || !strings.HasSuffix(text, "$") {
			in["pattern"].Errorf("write a pattern of the whole text, from ^ to $", "%q is not a usable pattern", text)
		}
		field.pattern.Regexp = expression
	}
	field.Format = in["format"].OneOf("origin", "hostname")
	switch in["type"].OneOf("string", "integer", "number", "boolean", "object") {
	case "integer", "number":
		field.Type = rules.TypeOf(rules.KindNumber)
	case "boolean":
		field.Type = rules.TypeOf(rules.KindBool)
	case "object":
		field.Type = anything
	}
	if in["default"].Exists() {
		value, err := field.check(literal(in["default"]))
		if err != nil {
			in["default"].Errorf("", "%s", err)
		}
		field.Default = value
	}
	return field
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// check returns the value as the setting holds it, or says why it does not fit.
func (f Field) check(value rules.Value) (rules.Value, error) {
	if f.Type.Kind == rules.KindText && value.Kind() == rules.KindNumber {
		value = rules.Text(value.String()) // YAML reads 0815 and 2024 as numbers
	}
	value, err := f.Type.Decode(value)
	if err != nil {
		return rules.Value{}, fmt.Errorf("%s: %w", f.Name, err)
	}
	text := value.Text()
	switch {
	case f.pattern.Regexp != nil && !f.pattern.MatchString(text):
		return rules.Value{}, fmt.Errorf("%s does not fit the pattern %s", f.Name, f.pattern)
	case f.Format == "hostname" && !hostname.MatchString(text):
		return rules.Value{}, fmt.Errorf("%s must be a host name, as in db.example.com", f.Name)
	case f.Format == "origin":
		if _, err := parseOrigin(text); err != nil {
			return rules.Value{}, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return value, nil
}

// parseOrigin reads an address that requests may go to: scheme, host, port, and perhaps a path before all others.
func parseOrigin(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !hostname.MatchString(strings.Trim(u.Hostname(), "[]:")) && !strings.Contains(u.Host, "[") {
		return nil, fmt.Errorf("%q is not an address as in https://shop.example.com", text)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(text, "?#") || strings.Contains(u.Path, "..") {
		return nil, fmt.Errorf("the address may hold a host, a port and a path, and nothing else")
	}
	return u, nil
}

// settingsType is the type of conn.
func settingsType(fields []Field) *rules.Type {
	properties := make([]rules.Field, 0, len(fields))
	for _, f := range fields {
		properties = append(properties, rules.Field{Name: f.Name, Type: f.Type, Required: f.Required || !f.Default.IsMissing()})
	}
	return rules.RecordType(properties...)
}

// secretType is the type of secret.
func secretType(fields []Field) *rules.Type {
	properties := make([]rules.Field, 0, len(fields))
	for _, f := range fields {
		properties = append(properties, rules.Field{Name: f.Name, Type: rules.TypeOf(rules.KindText), Required: f.Required})
	}
	return rules.RecordType(properties...)
}
