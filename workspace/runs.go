package workspace

import (
	"fmt"
	"strings"

	"crosswalk/source"
	"crosswalk/usecases"
)

// run adds the use cases of the catalogue that others run, and those that these run.
func (l *loader) run(definitions []*usecases.Definition, have map[string]bool) []*usecases.Definition {
	for i := 0; i < len(definitions); i++ {
		for _, run := range definitions[i].Runs {
			f := l.fromCatalogue(run.Operation, have)
			if f == nil {
				continue
			}
			definition, problems := usecases.Parse(f.name, f.text)
			if definition == nil {
				l.add(problems...)
				continue
			}
			definitions = append(definitions, definition)
		}
	}
	return definitions
}

// useCaseOrder checks each use case after those that it runs: what they take and give must be known by then.
type useCaseOrder struct {
	loader      *loader
	workspace   *Workspace
	env         usecases.Environment
	definitions map[string]*usecases.Definition
	running     []string // the use cases that are being checked, each run by the one before
}

func (l *loader) checkUseCases(w *Workspace, definitions []*usecases.Definition) {
	o := useCaseOrder{loader: l, workspace: w, env: w.environment(), definitions: map[string]*usecases.Definition{}}
	o.env.UseCases = map[string]*usecases.Signature{}
	for _, useCase := range w.UseCases {
		o.env.UseCases[useCase.Name] = nil // it cannot be read, which was said
	}
	for _, definition := range definitions {
		o.definitions[definition.Name] = definition
	}
	for _, definition := range definitions {
		o.check(definition)
	}
}

func (o *useCaseOrder) check(definition *usecases.Definition) {
	if _, done := o.env.UseCases[definition.Name]; done {
		return
	}
	o.running = append(o.running, definition.Name)
	for _, run := range definition.Runs {
		if other := o.definitions[run.Operation]; other != nil && !o.circle(run) {
			o.check(other)
		}
	}
	o.running = o.running[:len(o.running)-1]
	useCase := o.loader.useCase(o.workspace, definition, o.env)
	o.workspace.UseCases = append(o.workspace.UseCases, useCase)
	o.env.UseCases[definition.Name] = nil
	if useCase.Plan != nil {
		signature := useCase.Plan.Signature()
		o.env.UseCases[definition.Name] = &signature
	}
}

// circle finds use cases that run each other: what they give back could not be known, and they might never end.
func (o *useCaseOrder) circle(run usecases.Reference) bool {
	for i, name := range o.running {
		if name != run.Operation {
			continue
		}
		if i < len(o.running)-1 { // that a use case runs itself is said where it is checked
			o.env.UseCases[name] = nil
			o.loader.add(source.Problem{File: run.File, Line: run.Line, Column: run.Column, Severity: source.SeverityError,
				Message: fmt.Sprintf("use cases run each other: %s", strings.Join(append(o.running[i:len(o.running):len(o.running)], name), " runs ")),
				Hint:    "put what both need into a third one"})
		}
		return true
	}
	return false
}
