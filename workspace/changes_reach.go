package workspace

import (
	"maps"
	"slices"
	"strings"

	"crosswalk/source"
)

// config compares two crosswalk.yaml: systems and their drivers, the sources of the intake, and the rest by its place.
func (c *comparison) config() {
	before, after := c.before.configOf(), c.after.configOf()
	for _, name := range unionOf(before.Get("systems").Keys(), after.Get("systems").Keys()) {
		c.subject = "system " + name
		c.system(before.Get("systems").Get(name), after.Get("systems").Get(name))
	}
	for _, name := range unionOf(before.Get("intake").Keys(), after.Get("intake").Keys()) {
		c.subject = "source " + name
		c.source(before.Get("intake").Get(name), after.Get("intake").Get(name))
	}
	c.subject = configFile
	rest := func(root *source.Node) map[string]string {
		return root.Leaves(func(n *source.Node) bool { return n.Path() == "systems" || n.Path() == "intake" })
	}
	c.fields(labelled{kind: "setting"}, rest(before), rest(after))
}

func (c *comparison) system(before, after *source.Node) {
	switch {
	case !before.Exists():
		c.add("system", "", added, "new, reached by %s", strings.Join(driverIDs(after), ", then "))
		return
	case !after.Exists():
		c.add("system", "", removed, "gone")
		return
	}
	was, is := driverIDs(before), driverIDs(after)
	if !slices.Equal(was, is) {
		c.add("driver", "drivers", changed, "reached by %s, it was by %s", strings.Join(is, ", then "), strings.Join(was, ", then "))
	}
	for _, id := range is {
		if slices.Contains(was, id) {
			c.fields(labelled{"driver", id, id}, driverFields(before, id), driverFields(after, id))
		}
	}
	rest := func(system *source.Node) map[string]string {
		return system.Leaves(func(n *source.Node) bool { return n.Path() == system.Path()+".drivers" })
	}
	c.fields(labelled{kind: "system"}, rest(before), rest(after))
}

// driverKinds are the keys of which each driver has one.
var driverKinds = []string{string(ByAdapter), string(ByRobot), string(ByPerson), string(ByDesk)}

func driverID(driver *source.Node) string {
	for _, kind := range driverKinds {
		if name, _ := driver.Get(kind).Literal(); name != "" {
			return kind + ":" + name
		}
	}
	return "nothing"
}

func driversOf(system *source.Node) []*source.Node {
	if drivers := system.Get("drivers"); drivers.Kind() == source.List {
		return drivers.List()
	}
	return nil
}

func driverIDs(system *source.Node) []string {
	var ids []string
	for _, driver := range driversOf(system) {
		ids = append(ids, driverID(driver))
	}
	return ids
}

// driverFields are the settings of a driver, and where its secrets are kept; never a secret itself, which the file does
// not hold.
func driverFields(system *source.Node, id string) map[string]string {
	for _, driver := range driversOf(system) {
		if driverID(driver) == id {
			fields := driver.Leaves(nil)
			for _, kind := range driverKinds {
				delete(fields, "."+kind)
			}
			return fields
		}
	}
	return nil
}

func (c *comparison) source(before, after *source.Node) {
	switch starts, _ := after.Get("starts").Literal(); {
	case !before.Exists() && starts != "":
		c.add("source", "", added, "new, starts %s", starts)
	case !before.Exists():
		c.add("source", "", added, "new")
	case !after.Exists():
		c.add("source", "", removed, "gone: nothing is taken in there any more")
	default:
		c.fields(labelled{kind: "source"}, before.Leaves(nil), after.Leaves(nil))
	}
}

// people compares who works here, by their addresses. Nothing of a password is shown.
func (c *comparison) people() {
	_, before := c.before.peopleOf()
	_, after := c.after.peopleOf()
	c.subject = "people"
	was, is := usersOf(before), usersOf(after)
	for _, email := range union(was, is) {
		switch {
		case was[email] == nil:
			c.add("people", email, added, "%s is new, roles %s", email, quote(is[email][".roles"]))
		case is[email] == nil:
			c.add("people", email, removed, "%s is not here any more", email)
		default:
			c.fields(labelled{"people", email, email}, was[email], is[email])
		}
	}
	rest := func(root *source.Node) map[string]string {
		return root.Leaves(func(n *source.Node) bool { return n.Path() == "users" })
	}
	c.fields(labelled{kind: "people"}, rest(before), rest(after))
}

func usersOf(people *source.Node) map[string]map[string]string {
	users := map[string]map[string]string{}
	if people.Get("users").Kind() != source.List {
		return users
	}
	for _, user := range people.Get("users").List() {
		fields := maps.Clone(user.Leaves(nil))
		if hash := fields[".password_hash"]; hash != "" {
			fields[".password_hash"] = "a hash known as " + fingerprint(hash)[:8]
		}
		email, _ := user.Get("email").Literal()
		delete(fields, ".email")
		users[strings.ToLower(email)] = fields
	}
	return users
}
