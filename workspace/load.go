package workspace

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/source"
)

// loader reads the files of a workspace and collects what is wrong with them.
type loader struct {
	files    files
	base     string // the folder itself, for secrets in files
	problems source.Problems
}

func (l *loader) add(problems ...source.Problem) { l.problems = append(l.problems, problems...) }

// reach reads everything but use cases and tables. The problems of crosswalk.yaml stay on its document.
func (l *loader) reach() *Reach {
	r := &Reach{Contracts: l.contracts(), Adapters: map[string]*adapters.Adapter{}, Robots: map[string]*RobotApp{}, texts: map[string]string{}}
	text := []byte(nil)
	if main := l.files.read(configFile); main != nil {
		text = main.text
		r.keep(main)
	} else {
		l.add(source.Problem{File: configFile, Severity: source.SeverityError, Message: "the file is missing", Hint: "crosswalk init DIR makes a new workspace"})
		text = []byte("{}")
	}
	r.Config = parseConfig(text, l.base, r.Contracts)
	if r.Config.PeopleFile != "" {
		l.people(r)
	}
	l.holidays(r)
	for _, system := range r.Config.Systems {
		if system.Contract != nil && system.Contract.File == "contracts/"+system.Contract.Name+".yaml" {
			r.texts[system.Contract.File] = string(system.Contract.Text)
		}
		for _, driver := range system.Drivers {
			switch driver.Kind {
			case ByAdapter:
				l.adapter(r, system, driver)
			case ByRobot:
				l.robot(r, driver)
			case ByPerson:
				r.checkQueue(driver)
			case ByDesk:
				if system.Contract != nil && driver.Name != "people" {
					driver.node.Get("desk").Errorf("write desk: people", "the desk has nothing called %q", driver.Name)
				}
			}
		}
	}
	l.unreadRobots(r)
	l.webhooks(r)
	r.peopleKnown = r.People != nil
	if r.People == nil {
		r.People = &People{}
	}
	return r
}

// keep notes a text that belongs to the reach, under the path that it has in a workspace.
func (r *Reach) keep(f *file) { r.texts[f.home()] = string(f.text) }

// contracts reads the workspace's own contracts over those of the catalogue. One whose file has errors is there as nil.
func (l *loader) contracts() map[string]*contracts.Contract {
	known := contracts.Catalog()
	for _, f := range l.files.own("contracts", ".yaml") {
		contract, problems := contracts.Parse(f.name, f.text)
		l.add(problems...)
		if contract != nil {
			known[contract.Name] = contract
		} else {
			known[strings.TrimSuffix(path.Base(f.name), ".yaml")] = nil
		}
	}
	return known
}

func (l *loader) people(r *Reach) {
	f := l.files.read(r.Config.PeopleFile)
	if f == nil {
		r.Config.doc.Root.Get("people").Get("roles").Errorf("write users: and queues: in it", "there is no file %s", r.Config.PeopleFile)
		return
	}
	r.keep(f)
	people, problems := parsePeople(f.name, f.text, l.base)
	r.People = people
	l.add(problems...)
}

func (r *Reach) checkQueue(driver *Driver) {
	if r.People == nil || r.People.Queue(driver.Name) != nil {
		return
	}
	var known []string
	for _, queue := range r.People.Queues {
		known = append(known, queue.Name)
	}
	driver.node.Get("person").Errorf(source.DidYouMean(driver.Name, known), "there is no queue %q in %s", driver.Name, r.Config.PeopleFile)
}

// adapterFile reads an adapter that something names, once.
func (l *loader) adapterFile(r *Reach, name string, node *source.Node) *adapters.Adapter {
	if r.Adapters[name] == nil {
		f := l.files.find("adapters", name, ".yaml")
		if f == nil {
			node.Errorf(source.DidYouMean(name, l.files.names("adapters", ".yaml")), "there is no adapter %q", name)
			return nil
		}
		r.keep(f)
		adapter, problems := adapters.Parse(f.name, f.text, r.Contracts)
		l.add(problems...)
		if adapter == nil {
			return nil
		}
		r.Adapters[name] = adapter
	}
	return r.Adapters[name]
}

func (l *loader) adapter(r *Reach, system *System, driver *Driver) {
	adapter := l.adapterFile(r, driver.Name, driver.node.Get("adapter"))
	if adapter == nil {
		return
	}
	if system.Contract != nil && adapter.Contract != "" && !adapter.Serves(system.Contract.Name) {
		driver.node.Get("adapter").Errorf("", "the adapter %q is for the contract %s, and the system %q has the contract %s", driver.Name, strings.Join(adapter.Contracts, ", "), system.Name, system.Contract.Name)
	}
	if driver.unset {
		return // what is not set cannot be checked, and that it is not set was said
	}
	config := adapters.Config{System: system.Name, Settings: driver.Settings, BaseURL: driver.BaseURL, AllowHosts: r.Config.AllowHosts, Limits: system.Limits}
	for _, problem := range adapter.CheckConfig(config, sortedKeys(driver.Secrets)) {
		fieldNode(driver.node, problem.Field).Errorf(problem.Hint, "%s: %s", problem.Field, problem.Message)
	}
}

// fieldNode finds the place of settings.subdomain, or the nearest one above it that is there.
func fieldNode(node *source.Node, field string) *source.Node {
	for rest := field; rest != ""; {
		var key string
		key, rest, _ = strings.Cut(rest, ".")
		child := node.Get(key)
		if !child.Exists() {
			return node
		}
		node = child
	}
	return node
}

// robot reads the application that a driver names, and every robot that works in it.
func (l *loader) robot(r *Reach, driver *Driver) {
	if app := r.Robots[driver.Name]; app != nil {
		app.checkDriver(driver)
		return
	}
	f := l.files.find("robots", driver.Name, ".system.yaml")
	if f == nil {
		driver.node.Get("robot").Errorf(cmp.Or(source.DidYouMean(driver.Name, l.robotApps()), "a robot driver names the application that its robots work in"), "there is no file robots/%s.system.yaml", driver.Name)
		return
	}
	r.keep(f)
	app := &RobotApp{Programs: map[string]*robots.Program{}, Broken: map[string]bool{}}
	r.Robots[driver.Name] = app
	system, problems := robots.ParseSystem(f.name, f.text)
	l.add(problems...)
	if problems.Err() != nil {
		return
	}
	app.System = system
	app.checkDriver(driver)
	for _, candidate := range l.robotFiles() {
		head, problems := robots.Parse(candidate.name, candidate.text)
		if head.System != driver.Name {
			continue
		}
		r.keep(candidate)
		l.add(problems...)
		if app.Broken[head.Operation] = problems.Err() != nil; problems.Err() == nil {
			l.program(r, app, head)
		}
		if program := app.Programs[head.Operation]; candidate.own && program != nil && program.Robot == head && !program.SaysCanary() {
			doc := source.Parse(candidate.name, candidate.text)
			doc.Root.Get("robot").Warnf("add for example canary: {every: 1h, input: {…}} with the input of something that is always there, or canary: {none: …} that says why it cannot be tried", "nothing tries this robot: that a page has changed will be seen by a case first")
			l.add(doc.Problems()...)
		}
	}
}

// checkDriver compares the driver's secrets with those that the login needs.
func (a *RobotApp) checkDriver(driver *Driver) {
	if a.System == nil {
		return
	}
	for _, name := range a.System.Secrets {
		if _, given := driver.Secrets[name]; !given {
			driver.node.Errorf("add it, as in secrets: {"+name+": 'env:NAME'}", "secrets.%s: is missing", name)
		}
	}
	for _, name := range sortedKeys(driver.Secrets) {
		if !slices.Contains(a.System.Secrets, name) {
			driver.node.Get("secrets").KeyNode(name).Errorf(source.DidYouMean(name, a.System.Secrets), "%s does not need a secret %q", driver.ID(), name)
		}
	}
	driver.node.KeyNode("settings").Errorf("remove it", "a robot has no settings")
}

func (l *loader) program(r *Reach, app *RobotApp, robot *robots.Robot) {
	contract, short, _ := strings.Cut(robot.Operation, ".")
	operation := r.Contracts[contract].Operation(short)
	if operation == nil {
		known := sortedKeys(r.Contracts)
		if r.Contracts[contract] != nil {
			known = r.Contracts[contract].OperationNames()
		}
		doc := source.Parse(robot.File, robot.Text)
		doc.Root.Get("operation").Errorf(source.DidYouMean(short, known), "there is no operation %q", robot.Operation)
		l.add(doc.Problems()...)
		return
	}
	if other := app.Programs[robot.Operation]; other != nil {
		l.add(source.Problem{File: robot.File, Severity: source.SeverityError, Message: fmt.Sprintf("%s carries out %s already", other.Robot.File, robot.Operation), Hint: "keep one of them"})
		return
	}
	program, problems := robots.Compile(robot, app.System, operation)
	l.add(problems...)
	if app.Broken[robot.Operation] = problems.Err() != nil; problems.Err() == nil {
		app.Programs[robot.Operation] = program
	}
}

// unreadRobots says what is wrong with files that do not even say whose robot they are, and which robots nothing can use: no
// application misses them.
func (l *loader) unreadRobots(r *Reach) {
	for _, f := range l.robotFiles() {
		head, problems := robots.Parse(f.name, f.text)
		switch {
		case !f.own:
		case head.System == "":
			l.add(problems...)
		case r.Robots[head.System] == nil:
			doc := source.Parse(f.name, f.text)
			doc.Root.Get("system").Warnf("add to a system there drivers: [{robot: "+head.System+", …}], with the secrets of its login", "no driver of crosswalk.yaml is the robot %s: nothing can use this file, and it was not checked", head.System)
			l.add(doc.Problems()...)
		}
	}
}

// robotFiles lists the robots of the workspace, and those of the catalogue that it has none of the same name of.
func (l *loader) robotFiles() []*file {
	var found []*file
	seen := map[string]bool{}
	for _, f := range l.files.own("robots", ".yaml") {
		if name := path.Base(f.name); path.Ext(stem(name)) != ".system" {
			found, seen[name] = append(found, f), true
		}
	}
	for _, name := range l.files.shipped("robots", ".yaml") {
		if path.Ext(stem(name)) == ".system" || seen[name] {
			continue
		}
		if f := l.files.find("robots", stem(name), ".yaml"); f != nil {
			found = append(found, f)
		}
	}
	return found
}

func (l *loader) robotApps() []string {
	names := map[string]bool{}
	for _, name := range l.files.names("robots", ".yaml") {
		if path.Ext(name) == ".system" {
			names[stem(name)] = true
		}
	}
	return sortedKeys(names)
}
