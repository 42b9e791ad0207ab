package workspace

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/store"
	"crosswalk/usecases"
)

// State is what is in force together, as texts: the bundle of each use case, and how systems are reached. Comparing
// two of them says what changed.
type State struct {
	Version int64 // 0 if it is not in force
	Bundles map[string]usecases.Bundle
	Files   map[string]string // everything that the reach was read from, by path
}

// State is what the workspace would put in force.
func (w *Workspace) State() State {
	s := State{Bundles: map[string]usecases.Bundle{}, Files: map[string]string{}}
	for _, useCase := range w.UseCases {
		s.Bundles[useCase.Name] = useCase.Bundle
	}
	if w.Reach != nil {
		s.Files = maps.Clone(w.Reach.texts)
	}
	return s
}

// StateAt reads what was in force at a version; at version 0 nothing was.
func StateAt(ctx context.Context, s *store.Store, version int64) (State, error) {
	state := State{Version: version, Bundles: map[string]usecases.Bundle{}, Files: map[string]string{}}
	all, err := s.InForceAt(ctx, version)
	if err != nil {
		return state, fmt.Errorf("workspace: %w", err)
	}
	for _, one := range all {
		switch one.Kind {
		case store.KindBundle:
			state.Bundles[one.Name], err = bundleOf(ctx, s, one.Hash)
		case store.KindReach:
			state.Files, err = filesOf(ctx, s, one.Hash)
		}
		if err != nil {
			return state, fmt.Errorf("workspace: version %d: %w", version, err)
		}
	}
	return state, nil
}

// StateOf is a state of one bundle alone, for comparing it with another.
func StateOf(ctx context.Context, s *store.Store, hash string) (State, error) {
	stored, err := s.Bundle(ctx, hash)
	if err != nil {
		return State{}, fmt.Errorf("workspace: %w", err)
	}
	bundle, err := usecases.ParseBundle(stored.Body)
	return State{Bundles: map[string]usecases.Bundle{stored.Name: bundle}}, err
}

func bundleOf(ctx context.Context, s *store.Store, hash string) (usecases.Bundle, error) {
	stored, err := s.Bundle(ctx, hash)
	if err != nil {
		return usecases.Bundle{}, err
	}
	return usecases.ParseBundle(stored.Body)
}

func filesOf(ctx context.Context, s *store.Store, hash string) (map[string]string, error) {
	stored, err := s.ReachByHash(ctx, hash)
	if err != nil {
		return nil, err
	}
	body, err := parseReachBody(stored.Body)
	return body.Files, err
}

// Workspace makes of a state what can be published again, checked as a whole: each bundle for itself, and all of them
// against the reach. base is the folder of the workspace, for secrets in files.
func (s State) Workspace(base string) (*Workspace, source.Problems) {
	l := &loader{files: files{root: texts(s.Files), bare: true}, base: base}
	w := &Workspace{Dir: base, Reach: l.reach(), tables: map[string]*table{}}
	for _, name := range slices.Sorted(maps.Keys(s.Bundles)) {
		bundle := s.Bundles[name]
		definition, problems := usecases.Parse(bundle.UseCase.Name, []byte(bundle.UseCase.Text))
		l.add(problems.Errors()...)
		plan, problems := usecases.Compile(bundle)
		l.add(problems.Errors()...)
		if definition == nil {
			definition = &usecases.Definition{Name: name, File: bundle.UseCase.Name}
		}
		l.systemsOf(w, name, bundle)
		w.UseCases = append(w.UseCases, &UseCase{Definition: definition, Plan: plan, Bundle: bundle, Hash: bundle.Hash()})
	}
	w.Config.checkIntake(w.known())
	w.checkDrivers()
	problems := append(append(l.problems, l.files.problems...), w.Config.doc.Problems()...).Sorted()
	w.errors = problems.Errors()
	return w, problems
}

// systemsOf finds systems that a bundle calls and that the reach does not have, or has with another contract.
func (l *loader) systemsOf(w *Workspace, name string, bundle usecases.Bundle) {
	for _, called := range sortedKeys(bundle.Systems) {
		contract := bundle.Systems[called]
		var problem string
		switch system := w.Config.System(called); {
		case system == nil:
			problem = fmt.Sprintf("%s calls the system %q, which is not in crosswalk.yaml", name, called)
		case system.Contract == nil || system.Contract.Name != contract:
			problem = fmt.Sprintf("%s calls the system %q by the contract %s, which is not its contract", name, called, contract)
		default:
			continue
		}
		l.add(source.Problem{File: bundle.UseCase.Name, Severity: source.SeverityError, Message: problem, Hint: "publish a version in which both stand together"})
	}
}

// tableOf reads a table of a bundle; nil if it is not there or has errors.
func tableOf(bundle usecases.Bundle, name string) *rules.Table {
	file, ok := bundle.Tables[name]
	if !ok {
		return nil
	}
	table, _ := rules.ParsePublished(file.Name, []byte(file.Text), func(part string) ([]byte, error) {
		text, ok := file.Parts[part]
		if !ok {
			return nil, fmt.Errorf("there is no file %s", part)
		}
		return []byte(text), nil
	})
	return table
}

// configOf reads the crosswalk.yaml of a state without checking what it says.
func (s State) configOf() *source.Node {
	return source.Parse(configFile, []byte(s.Files[configFile])).Root
}

// peopleOf reads the file of the people of a state, with the path at which it lies.
func (s State) peopleOf() (string, *source.Node) {
	file, _ := s.configOf().Get("people").Get("roles").Literal()
	if file == "" {
		return "", nil
	}
	return file, source.Parse(file, []byte(s.Files[file])).Root
}

// effectOf says whether an operation of a contract writes.
func effectOf(step usecases.OutlineStep) string {
	if step.Effect == contracts.Write {
		return " (writes)"
	}
	return ""
}
