package workspace

import (
	"cmp"
	"net"
	"net/mail"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Config is crosswalk.yaml.
type Config struct {
	Company    string
	URL        string // where people reach the desk, for links in mails; empty: the address that it listens on
	Systems    []*System
	UseCases   []string // use cases of the catalogue that are to be in force, beside those in the folder
	Intake     []*Source
	PeopleFile string
	Mail       *Mail // nil: no mail is sent
	Retention  Retention
	Calendars  map[string]*rules.Calendar // by name
	Timers     []*Timer                   // schedules and pollers
	// AllowHosts are the host:port that may be private or local addresses.
	AllowHosts []string

	doc  *source.Document
	base string // the folder of the file, for secrets in files
}

// System is a named instance of a kind of system.
type System struct {
	Name     string
	Title    string
	Contract *contracts.Contract // nil if it is not known
	Drivers  []*Driver           // in the order in which they are tried
	Limits   []adapters.Limit    // replace those of the adapter
	Off      bool                // nothing is called; cases wait

	node *source.Node
}

// DriverKind is a way of reaching a system.
type DriverKind string

// The ways of reaching a system.
const (
	ByAdapter DriverKind = "adapter" // through its API
	ByRobot   DriverKind = "robot"   // through its pages, in a browser
	ByPerson  DriverKind = "person"  // somebody of a queue does it and says what came out
	ByDesk    DriverKind = "desk"    // the desk itself knows
)

// Driver is one way of reaching one system.
type Driver struct {
	Kind     DriverKind
	Name     string // hubspot, acme-portal, the queue, people
	Off      bool
	BaseURL  string // replaces the adapter's or robot's own address
	Settings rules.Value
	Secrets  map[string]Reference
	TLS      map[string]Reference // certificate, key, ca
	NextOn   []string             // classes of errors after which the next driver is tried, beside unavailable

	node  *source.Node
	unset bool // a setting is kept in an environment variable that is not set here
}

// passedOn are the errors after which the next driver may be tried, if a driver says so.
var passedOn = []string{"rate_limited", "auth", "drift"}

// ID names the driver within its system, as in adapter:hubspot.
func (d *Driver) ID() string { return string(d.Kind) + ":" + d.Name }

// ResolveSecrets reads every secret of the driver, now.
func (d *Driver) ResolveSecrets() (map[string]contracts.Secret, error) {
	secrets := make(map[string]contracts.Secret, len(d.Secrets))
	for _, name := range sortedKeys(d.Secrets) {
		secret, err := d.Secrets[name].Resolve()
		if err != nil {
			return nil, contracts.NewError(contracts.Auth, "", "the secret %s of %s: %s", name, d.ID(), err)
		}
		secrets[name] = secret
	}
	return secrets, nil
}

// resolveTLS reads what the connection is encrypted with, now.
func (d *Driver) resolveTLS() (adapters.TLS, error) {
	var of adapters.TLS
	for name, into := range map[string]*contracts.Secret{"certificate": &of.Certificate, "key": &of.Key, "ca": &of.CA} {
		if d.TLS[name].IsZero() {
			continue
		}
		var err error
		if *into, err = d.TLS[name].Resolve(); err != nil {
			return of, contracts.NewError(contracts.Auth, "", "tls.%s of %s: %s", name, d.ID(), err)
		}
	}
	return of, nil
}

// Mail says how mail leaves the house.
type Mail struct {
	Server   string // host:port
	From     mail.Address
	Username string
	Password Reference
	TLS      string // starttls (the default), tls or none
}

// defaultHistory is how long Temporal keeps the history of a case that has ended, if nobody says.
const defaultHistory = 30 * 24 * time.Hour

// Retention says how long things are kept; 0 is the product's default.
type Retention struct{ History, Record, Intake, Events time.Duration }

// System returns a system by name, or nil.
func (c *Config) System(name string) *System {
	if i := slices.IndexFunc(c.Systems, func(s *System) bool { return s.Name == name }); i >= 0 {
		return c.Systems[i]
	}
	return nil
}

// configFile is the name of the file at the root of every workspace.
const configFile = "crosswalk.yaml"

// parseConfig reads crosswalk.yaml. Problems are left on its document, to which later checks add theirs.
func parseConfig(text []byte, base string, known map[string]*contracts.Contract) *Config {
	c := &Config{doc: source.Parse(configFile, text), base: base, Calendars: map[string]*rules.Calendar{}}
	root := c.doc.Root
	fields := root.Fields(configShape)
	c.Company = fields["company"].Text()
	if c.URL = setting(fields["url"]); c.URL != "" {
		checkURL(fields["url"], c.URL)
	}
	for _, node := range fields["network"].Fields(networkShape)["allow"].List() {
		c.AllowHosts = append(c.AllowHosts, hostPort(node))
	}
	systems := fields["systems"]
	for _, name := range keysOf(systems) {
		c.Systems = append(c.Systems, c.system(systems, name, known))
	}
	for _, node := range fields["usecases"].List() {
		c.UseCases = append(c.UseCases, node.Text())
	}
	intake := fields["intake"]
	for _, name := range keysOf(intake) {
		c.Intake = append(c.Intake, c.source(intake, name))
	}
	if roles := fields["people"].Fields(peopleShape)["roles"]; roles.Exists() {
		c.PeopleFile = path.Clean(roles.Text())
		if !localPath(c.PeopleFile) {
			roles.Errorf("keep it inside the workspace", "%q is outside of the workspace", roles.Text())
			c.PeopleFile = ""
		}
	}
	c.mail(fields["mail"])
	calendars := fields["calendars"]
	for _, name := range keysOf(calendars) {
		c.calendar(calendars, name)
	}
	c.timers(fields["schedules"], fields["pollers"])
	keep := fields["retention"].Fields(retentionShape)
	history := keep["history"].Duration()
	if history > 0 && history < 24*time.Hour {
		keep["history"].Errorf("Temporal keeps it for a day at least", "%q is too short for the history of a case that has ended", keep["history"].Text())
	}
	if record := keep["record"].Duration(); record > 0 && record < cmp.Or(history, defaultHistory)+24*time.Hour {
		keep["record"].Errorf("keep it for a day longer at least, or shorten history", "the record of a case would go before its history, which Temporal keeps for %d days", int(cmp.Or(history, defaultHistory).Hours()/24))
	}
	c.Retention = Retention{History: history, Record: keep["record"].Duration(), Intake: keep["intake"].Duration(), Events: keep["events"].Duration()}
	return c
}

func (c *Config) system(systems *source.Node, name string, known map[string]*contracts.Contract) *System {
	node := systems.Get(name)
	s := &System{Name: name, node: node}
	if key := systems.KeyNode(name); !systemName.MatchString(name) {
		key.Errorf("use small letters, digits and _, beginning with a letter", "%q is not a name for a system", name)
	}
	fields := node.Fields(systemShape)
	s.Title = cmp.Or(fields["title"].Text(), name)
	if contract := node.Required("contract", "say what kind of system it is, as in contract: crm"); contract.Exists() {
		if s.Contract = known[contract.Text()]; s.Contract == nil {
			contracts.Unknown(contract, known)
		}
	}
	s.Off = fields["off"].Bool()
	if fields["limits"].Exists() {
		s.Limits = adapters.ParseLimits(fields["limits"])
	}
	for _, item := range node.Required("drivers", "say how it is reached, as in drivers: [{adapter: hubspot, …}]").List() {
		driver := c.driver(item)
		if driver == nil {
			continue
		}
		if slices.ContainsFunc(s.Drivers, func(other *Driver) bool { return other.ID() == driver.ID() }) {
			item.Errorf("remove one of them", "%s is there twice", driver.ID())
		}
		s.Drivers = append(s.Drivers, driver)
	}
	return s
}

func (c *Config) driver(node *source.Node) *Driver {
	fields := node.Fields(driverShape)
	d := &Driver{Off: fields["off"].Bool(), Secrets: map[string]Reference{}, node: node}
	for _, kind := range []DriverKind{ByAdapter, ByRobot, ByPerson, ByDesk} {
		value := fields[string(kind)]
		if !value.Exists() {
			continue
		}
		if d.Kind != "" {
			node.KeyNode(string(kind)).Errorf("make two drivers of it", "a driver is one of adapter, robot, person and desk")
			continue
		}
		d.Kind, d.Name = kind, value.Text()
	}
	if d.Kind == "" {
		if node.Kind() == source.Map && len(fields) == len(node.Keys()) {
			node.Errorf("add adapter:, robot:, person: or desk:", "the driver does not say what it is")
		}
		return nil
	}
	if d.Kind == ByPerson || d.Kind == ByDesk {
		for _, key := range []string{"secrets", "settings", "base_url", "tls", "next_on"} {
			node.KeyNode(key).Errorf("remove it", "%q is for adapters and robots", key)
		}
	}
	secrets := fields["secrets"]
	for _, name := range keysOf(secrets) {
		d.Secrets[name] = parseReference(secrets.Get(name), c.base)
	}
	if classes := fields["next_on"]; classes.Kind() == source.List {
		for _, class := range classes.List() {
			d.NextOn = append(d.NextOn, class.OneOf(passedOn...))
		}
	} else if classes.Exists() {
		d.NextOn = []string{classes.OneOf(passedOn...)}
	}
	if fields["tls"].Exists() {
		if d.Kind == ByRobot {
			node.KeyNode("tls").Errorf("remove it", "%q is for adapters", "tls")
		}
		d.TLS = map[string]Reference{}
		for name, one := range fields["tls"].Fields(tlsShape) {
			d.TLS[name] = parseReference(one, c.base)
		}
	}
	problems := len(c.doc.Problems())
	d.BaseURL = setting(fields["base_url"])
	d.Settings = rules.Record(nil)
	if settings := fields["settings"]; settings.Exists() {
		settings.Map() // reports anything but a mapping
		d.Settings = settingValue(settings)
	}
	d.unset = len(c.doc.Problems()) > problems
	return d
}

// settingValue reads a setting in the shape that YAML gives it; the adapter's own type decides later.
func settingValue(node *source.Node) rules.Value {
	switch node.Kind() {
	case source.List:
		var items []rules.Value
		for _, item := range node.List() {
			items = append(items, settingValue(item))
		}
		return rules.List(items...)
	case source.Scalar:
		if node.Tag() == "!!bool" {
			return rules.Bool(node.Bool())
		}
		text := setting(node)
		if number, err := rules.ParseNum(text); err == nil && (node.Tag() == "!!int" || node.Tag() == "!!float") {
			return rules.Number(number)
		}
		return rules.Text(text)
	case source.Map:
		fields := map[string]rules.Value{}
		for _, key := range node.Keys() {
			fields[key] = settingValue(node.Get(key))
		}
		return rules.Record(fields)
	}
	return rules.Missing()
}

func (c *Config) mail(node *source.Node) {
	if !node.Exists() {
		return
	}
	fields := node.Fields(mailShape)
	m := &Mail{Server: setting(node.Required("server", "write host:port")), Username: setting(fields["username"]), Password: parseReference(fields["password"], c.base)}
	m.TLS = cmp.Or(fields["tls"].OneOf("starttls", "tls", "none"), "starttls")
	if _, _, err := net.SplitHostPort(m.Server); err != nil && m.Server != "" {
		fields["server"].Errorf("write host:port", "%q is not the address of a mail server", m.Server)
	}
	if from := node.Required("from", "it is the sender of every mail"); from.Exists() {
		address, err := mail.ParseAddress(from.Text())
		if err != nil {
			from.Errorf(`write for example Support <support@example.com>`, "%q is not an e-mail address", from.Text())
		} else {
			m.From = *address
		}
	}
	c.Mail = m
}

func checkURL(node *source.Node, text string) {
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		node.Errorf("write for example https://crosswalk.example.com", "%q is not a web address", text)
	}
}

// hostPort reads host:port; a web address stands for its host and port.
func hostPort(node *source.Node) string {
	text := setting(node)
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443", "postgres": "5432"}[u.Scheme])
		text = net.JoinHostPort(u.Hostname(), port)
	}
	if host, port, err := net.SplitHostPort(text); text != "" && (err != nil || host == "" || port == "") {
		node.Errorf("write host:port, as in 127.0.0.1:8080", "%q does not name a host and port", text)
	}
	return strings.ToLower(text)
}
