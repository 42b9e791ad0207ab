package workspace

import (
	"crosswalk/rules"
	"crosswalk/usecases"
)

// RuleTable is a rule table of a workspace with the files that it came from.
type RuleTable struct {
	Name  string
	File  usecases.File
	Rules *rules.Table // nil if it has errors
}

// RuleTables lists the tables of the workspace, and those of the catalogue that its use cases decide with, by name.
func (w *Workspace) RuleTables() []RuleTable {
	var all []RuleTable
	for _, name := range sortedKeys(w.tables) {
		all = append(all, RuleTable{Name: name, File: w.tables[name].file, Rules: w.tables[name].rules})
	}
	return all
}

// RuleTable finds a table by its name.
func (w *Workspace) RuleTable(name string) (RuleTable, bool) {
	found, ok := w.tables[name]
	if !ok {
		return RuleTable{}, false
	}
	return RuleTable{Name: name, File: found.file, Rules: found.rules}, true
}

// RuleTables are the tables with which the use cases of the state decide, by name.
func (s State) RuleTables() map[string]*rules.Table {
	all := map[string]*rules.Table{}
	for _, useCase := range sortedKeys(s.Bundles) {
		bundle := s.Bundles[useCase]
		for _, name := range sortedKeys(bundle.Tables) {
			if all[name] == nil {
				if table := tableOf(bundle, name); table != nil {
					all[name] = table
				}
			}
		}
	}
	return all
}
