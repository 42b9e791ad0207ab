package workspace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/usecases"
)

func compare(a, b string) int { return cmp.Compare(a, b) }

// checkDrivers finds operations that a use case calls and that no driver carries out, and writes that no
// driver makes safe.
func (w *Workspace) checkDrivers() {
	needed := map[string]map[string]usecases.Reference{} // system → operation → first use
	for _, useCase := range w.UseCases {
		for _, call := range useCase.Calls {
			if needed[call.System] == nil {
				needed[call.System] = map[string]usecases.Reference{}
			}
			if _, known := needed[call.System][call.Operation]; !known {
				needed[call.System][call.Operation] = call
			}
		}
	}
	for _, system := range w.Config.Systems {
		if system.Contract == nil {
			continue
		}
		for _, operation := range sortedKeys(needed[system.Name]) {
			if known := system.Contract.Operation(operation); known != nil {
				w.checkServed(system, known, needed[system.Name][operation])
			}
		}
	}
}

func (w *Workspace) checkServed(system *System, operation *contracts.Operation, use usecases.Reference) {
	served := false
	for _, driver := range system.Drivers {
		if w.broken(driver, operation) {
			return // what it can do is not known
		}
		route, ok := w.route(system, driver, operation.Name)
		if !ok {
			continue
		}
		served = served || !driver.Off
		if operation.Effect == contracts.Write && route.Safety == "" {
			driver.node.Errorf("add safety: with one of "+strings.Join(contracts.Safeties(), ", "), "%s does not say how %s is made safe", driver.ID(), operation.Name)
		}
	}
	if served || system.Off {
		return
	}
	hint := "add a driver that does; {person: QUEUE} lets somebody answer it by hand"
	if slices.ContainsFunc(system.Drivers, func(d *Driver) bool { return d.Off }) {
		hint = "switch a driver on that does, or add one; {person: QUEUE} lets somebody answer it by hand"
	}
	system.node.Get("drivers").Errorf(hint, "no driver of the system %q carries out %s, which %s needs", system.Name, operation.Short, fmt.Sprintf("%s:%d", use.File, use.Line))
}

// broken says whether the driver's file for an operation has errors or is missing, which was said where it stands.
func (w *Workspace) broken(driver *Driver, operation *contracts.Operation) bool {
	switch driver.Kind {
	case ByAdapter:
		return w.Adapters[driver.Name] == nil
	case ByRobot:
		app := w.Robots[driver.Name]
		return app == nil || app.System == nil || app.Broken[operation.Name]
	}
	return false
}
