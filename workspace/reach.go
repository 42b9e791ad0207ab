package workspace

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/source"
)

// Reach is how systems are reached: crosswalk.yaml, the people, and the adapters and robots that its
// drivers name. It is the part of a workspace that is not pinned by cases: the one in force when a step
// runs serves the step. It is immutable.
type Reach struct {
	Config    *Config
	People    *People
	Contracts map[string]*contracts.Contract
	Adapters  map[string]*adapters.Adapter // those that drivers name
	Robots    map[string]*RobotApp         // those that drivers name

	texts       map[string]string // everything that this was read from, by path
	peopleKnown bool              // there is a file of people, and it could be read
}

// RobotApp is a web application with the robots that work in it.
type RobotApp struct {
	System   *robots.System
	Programs map[string]*robots.Program // by operation, as in fulfilment.get_shipment
	Broken   map[string]bool            // operations whose robot has errors, which were said where they stand
}

// Route says how one operation of one system can be reached by one driver.
type Route struct {
	System    *System
	Driver    *Driver
	Operation string // crm.find_customer
	// Hash changes when the driver's file or its settings change.
	Hash   string
	Safety contracts.Safety // of a write
	KeyTTL time.Duration    // how long the system remembers an idempotency key; 0: for ever
	Last   bool             // no other driver follows

	Adapter *adapters.Adapter // by adapter
	Program *robots.Program   // by robot
	Queue   string            // by person: whose task it is
}

// Routes returns the drivers that carry out an operation of a system, in order, without those that are
// switched off. There are none if the system is unknown or is off.
func (r *Reach) Routes(system, operation string) []Route {
	s := r.Config.System(system)
	if s == nil || s.Contract == nil || s.Off {
		return nil
	}
	var routes []Route
	for _, driver := range s.Drivers {
		if driver.Off {
			continue
		}
		if route, ok := r.route(s, driver, s.Contract.Name+"."+operation); ok {
			routes = append(routes, route)
		}
	}
	if len(routes) > 0 {
		routes[len(routes)-1].Last = true
	}
	return routes
}

// Unreachable says why Routes gives nothing.
func (r *Reach) Unreachable(system, operation string) string {
	switch s := r.Config.System(system); {
	case s == nil:
		return fmt.Sprintf("there is no system %q in crosswalk.yaml", system)
	case s.Off:
		return fmt.Sprintf("the system %q is switched off in crosswalk.yaml", system)
	default:
		return fmt.Sprintf("no driver of the system %q that is switched on carries out %q", system, operation)
	}
}

// route is how one driver carries out an operation, if it does.
func (r *Reach) route(s *System, driver *Driver, operation string) (Route, bool) {
	route := Route{System: s, Driver: driver, Operation: operation}
	content := ""
	switch driver.Kind {
	case ByAdapter:
		route.Adapter = r.Adapters[driver.Name]
		if route.Adapter == nil || route.Adapter.Operation(operation) == nil {
			return route, false
		}
		safety := route.Adapter.Operation(operation).Safety
		route.Safety, route.KeyTTL, content = safety.Kind, safety.TTL, route.Adapter.Hash
	case ByRobot:
		app := r.Robots[driver.Name]
		if app == nil || app.Programs[operation] == nil {
			return route, false
		}
		route.Program, content = app.Programs[operation], app.Programs[operation].Hash
		route.Safety = cmp.Or(route.Program.Safety(), contracts.AtMostOnce)
	case ByPerson:
		route.Queue, route.Safety = driver.Name, contracts.AtMostOnce
	case ByDesk:
		if !deskAnswers(operation) {
			return route, false
		}
	}
	parts := []string{driver.ID(), content, driver.BaseURL, driver.Settings.Hash(), fmt.Sprint(driver.Secrets)}
	if len(driver.TLS) > 0 {
		parts = append(parts, fmt.Sprint(driver.TLS))
	}
	route.Hash = fingerprint(parts...)
	return route, true
}

// deskAnswers says whether the desk answers an operation itself, from the people of the workspace.
func deskAnswers(operation string) bool { return operation == "people.list_agents" }

func fingerprint(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// reachBody is the stored form.
type reachBody struct {
	Language int               `json:"language"`
	Files    map[string]string `json:"files"`
}

// Body is the stored form: every text that this was read from. The same content gives the same bytes.
func (r *Reach) Body() []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(reachBody{Language: 1, Files: r.texts}); err != nil { // maps of texts cannot fail
		panic(fmt.Sprintf("workspace: encoding the reach: %s", err))
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// Hash is the content hash of Body.
func (r *Reach) Hash() string {
	sum := sha256.Sum256(r.Body())
	return hex.EncodeToString(sum[:])
}

// ParseReach reads what Body wrote. Secrets in files are found relative to base, the folder of the workspace.
func ParseReach(body []byte, base string) (*Reach, error) {
	stored, err := parseReachBody(body)
	if err != nil {
		return nil, err
	}
	l := &loader{files: files{root: texts(stored.Files), bare: true}, base: base}
	reach := l.reach()
	l.problems = append(l.problems, reach.Config.doc.Problems()...)
	if err := source.Problems(append(l.problems, l.files.problems...)).Err(); err != nil {
		return nil, fmt.Errorf("workspace: reading the reach: %w", err)
	}
	return reach, nil
}

func parseReachBody(body []byte) (reachBody, error) {
	var stored reachBody
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&stored); err != nil {
		return stored, fmt.Errorf("workspace: reading the reach: %w", err)
	}
	if stored.Language != 1 {
		return stored, fmt.Errorf("workspace: the reach is written in language %d, this program knows 1: update it", stored.Language)
	}
	return stored, nil
}

// AdapterConfig is what an adapter needs to know of a system, with its secrets read now.
func (r *Reach) AdapterConfig(route Route, shared adapters.Shared) (adapters.Config, error) {
	secrets, err := route.Driver.ResolveSecrets()
	if err != nil {
		return adapters.Config{}, err
	}
	encrypted, err := route.Driver.resolveTLS()
	if err != nil {
		return adapters.Config{}, err
	}
	return adapters.Config{
		TLS:    encrypted,
		System: route.System.Name, Settings: route.Driver.Settings, Secrets: secrets, BaseURL: route.Driver.BaseURL,
		AllowHosts: r.Config.AllowHosts, Limits: route.System.Limits, Shared: shared,
	}, nil
}

// Sources compiles the sources under intake against what the use cases in force take.
func (r *Reach) Sources(known Known) ([]*Source, error) {
	fresh := parseConfig([]byte(r.texts[configFile]), r.Config.base, r.Contracts)
	fresh.checkIntake(known)
	if err := fresh.doc.Problems().Err(); err != nil {
		return nil, fmt.Errorf("workspace: the intake does not fit the use cases in force: %w", err)
	}
	for i, s := range fresh.Intake { // read from the same text, so in the same order
		s.Verify.Webhook = r.Config.Intake[i].Verify.Webhook
	}
	return fresh.Intake, nil
}
