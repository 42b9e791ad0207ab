// Package workspace reads the folder in which a company keeps its side of the product: crosswalk.yaml with
// its systems, use cases, rule tables, robots, adapters and people. It checks all of it at once, builds the
// bundles that give cases their meaning, and puts them in force together with the way to each system.
package workspace

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/rules/spreadsheet"
	"crosswalk/source"
	"crosswalk/usecases"
)

// Workspace is a folder that was read and checked. It is immutable.
type Workspace struct {
	Dir string
	*Reach
	UseCases []*UseCase // sorted by name
	// Notes say where a file of the workspace stands in for one of the catalogue.
	Notes []string

	tables map[string]*table
	errors source.Problems // why it must not be published
}

// UseCase is one use case of a workspace.
type UseCase struct {
	*usecases.Definition
	Plan   *usecases.Plan // nil if it has errors
	Bundle usecases.Bundle
	Hash   string // of the bundle
	// Tests are the files of tests beside the use case; of the catalogue those alone that the workspace has no file
	// of the same name of.
	Tests []usecases.File
}

// table is a rule table with the files that it came from.
type table struct {
	file  usecases.File
	rules *rules.Table // nil if it has errors
}

// Load reads and checks the workspace in a folder. The workspace is returned even if there are errors, as
// far as it could be read; it must then not be published.
func Load(dir string) (*Workspace, source.Problems) { return LoadDraft(dir, nil) }

// Draft holds what differs from the files of a workspace, by path; nil is a file that is not there.
type Draft map[string][]byte

// LoadDraft is Load with the files of a draft in the place of those of the folder.
func LoadDraft(dir string, draft Draft) (*Workspace, source.Problems) {
	base, err := filepath.Abs(dir)
	if err != nil {
		base = dir
	}
	l := &loader{files: files{root: drafted{draft: draft, under: folder{os.DirFS(base)}}}, base: base}
	if info, err := os.Stat(base); err != nil || !info.IsDir() {
		return &Workspace{Dir: base}, source.Problems{{File: dir, Severity: source.SeverityError, Message: "there is no such folder", Hint: "crosswalk init DIR makes a new workspace"}}
	}
	w := &Workspace{Dir: base, Reach: l.reach(), tables: map[string]*table{}}
	l.useCases(w)
	w.Config.checkIntake(w.known())
	w.Config.checkTimers(w.known())
	w.checkPollers()
	l.add(w.sameEvents()...)
	w.checkDrivers()
	w.Notes = append(w.Notes, l.replaced()...)
	problems := append(append(l.problems, l.files.problems...), w.Config.doc.Problems()...).Sorted()
	w.errors = problems.Errors()
	return w, problems
}

// UseCase returns a use case by name, or nil.
func (w *Workspace) UseCase(name string) *UseCase {
	if i := slices.IndexFunc(w.UseCases, func(u *UseCase) bool { return u.Name == name }); i >= 0 {
		return w.UseCases[i]
	}
	return nil
}

func (w *Workspace) useCaseNames() []string {
	names := make([]string, len(w.UseCases))
	for i, useCase := range w.UseCases {
		names[i] = useCase.Name
	}
	return names
}

// inputOf is the input that a use case takes: nil if there is no such use case, any if it is broken.
func (w *Workspace) inputOf(name string) *rules.Type {
	switch useCase := w.UseCase(name); {
	case useCase == nil:
		return nil
	case useCase.Plan == nil:
		return rules.TypeOf(rules.KindAny)
	default:
		return useCase.Plan.Input
	}
}

// known is what the use cases of the workspace take.
func (w *Workspace) known() Known {
	known := Known{UseCases: w.useCaseNames(), Input: w.inputOf, Event: w.eventOf}
	for _, useCase := range w.UseCases {
		if useCase.Plan != nil {
			known.Events = append(known.Events, sortedKeys(useCase.Plan.Events)...)
		}
	}
	return known
}

// eventOf is what an event tells: nil if no use case declares it, any if one that is broken may do so.
func (w *Workspace) eventOf(name string) *rules.Type {
	var otherwise *rules.Type
	for _, useCase := range w.UseCases {
		if useCase.Plan == nil {
			otherwise = rules.TypeOf(rules.KindAny)
		} else if declared := useCase.Plan.Events[name]; declared != nil {
			return declared
		}
	}
	return otherwise
}

// sameEvents finds events that two use cases declare differently: what comes in could not be right for both.
func (w *Workspace) sameEvents() source.Problems {
	var problems source.Problems
	first := map[string]*UseCase{}
	for _, useCase := range w.UseCases {
		if useCase.Plan == nil {
			continue
		}
		for _, name := range sortedKeys(useCase.Plan.Events) {
			other := first[name]
			if other == nil {
				first[name] = useCase
				continue
			}
			a, b := other.Plan.Events[name], useCase.Plan.Events[name]
			if len(a.Accepts(b))+len(b.Accepts(a)) > 0 {
				problems = append(problems, source.Problem{File: useCase.File, Severity: source.SeverityError, Hint: "declare it alike in both, or give them two names",
					Message: fmt.Sprintf("the event %s tells something else here than in %s", name, other.File)})
			}
		}
	}
	return problems
}

// useCases reads the use cases of the folder and those of the catalogue that crosswalk.yaml names.
func (l *loader) useCases(w *Workspace) {
	found := l.files.own("usecases", ".yaml")
	have := map[string]bool{}
	for _, f := range found {
		have[stem(f.name)] = true
	}
	named := w.Config.doc.Root.Get("usecases").List()
	for i, name := range w.Config.UseCases {
		if f := l.fromCatalogue(name, have); f != nil {
			found = append(found, f)
		} else if !have[name] {
			named[i].Errorf(source.DidYouMean(name, l.files.names("usecases", ".yaml")), "there is no use case %q", name)
		}
	}
	for _, s := range w.Config.Intake {
		if f := l.fromCatalogue(s.Starts, have); f != nil {
			found = append(found, f)
		}
	}
	var definitions []*usecases.Definition
	for _, f := range found {
		definition, problems := usecases.Parse(f.name, f.text)
		if definition == nil {
			l.add(problems...)
			w.UseCases = append(w.UseCases, &UseCase{Definition: &usecases.Definition{Name: stem(f.name), File: f.name}})
			continue
		}
		definitions = append(definitions, definition)
	}
	definitions = l.run(definitions, have)
	l.tables(w, definitions)
	l.checkUseCases(w, definitions)
	slices.SortFunc(w.UseCases, func(a, b *UseCase) int { return compare(a.Name, b.Name) })
}

// fromCatalogue finds a use case that the folder does not have, once.
func (l *loader) fromCatalogue(name string, have map[string]bool) *file {
	if name == "" || have[name] {
		return nil
	}
	f := l.files.find("usecases", name, ".yaml")
	if f != nil {
		have[name] = true
	}
	return f
}

// environment is what use cases are checked against.
func (w *Workspace) environment() usecases.Environment {
	env := usecases.Environment{Systems: map[string]*contracts.Contract{}, Tables: map[string]*rules.Table{}, Contracts: w.Contracts}
	for _, system := range w.Config.Systems {
		env.Systems[system.Name] = system.Contract
	}
	if w.peopleKnown {
		env.Queues, env.Roles = []string{}, append([]string{}, w.People.Roles...)
		for _, queue := range w.People.Queues {
			env.Queues = append(env.Queues, queue.Name)
		}
	}
	env.Calendars = sortedKeys(w.Config.Calendars)
	for name, table := range w.tables {
		env.Tables[name] = table.rules
	}
	return env
}

func (l *loader) useCase(w *Workspace, definition *usecases.Definition, env usecases.Environment) *UseCase {
	useCase := &UseCase{Definition: definition, Tests: l.files.tests(definition.Name)}
	plan, problems := usecases.Check(definition.File, definition.Text, env)
	l.add(problems...)
	if plan == nil {
		return useCase
	}
	useCase.Bundle = w.bundle(definition)
	useCase.Hash = useCase.Bundle.Hash()
	plan.Hash, useCase.Plan = useCase.Hash, plan
	return useCase
}

// bundle gathers everything that gives the use case its meaning.
func (w *Workspace) bundle(definition *usecases.Definition) usecases.Bundle {
	b := usecases.Bundle{
		Language: usecases.Language, UseCase: usecases.File{Name: definition.File, Text: string(definition.Text)},
		Tables: map[string]usecases.File{}, Contracts: map[string]usecases.File{}, Systems: map[string]string{},
	}
	for _, name := range definition.Tables {
		b.Tables[name] = w.tables[name].file
	}
	for _, name := range definition.Systems {
		contract := w.Config.System(name).Contract
		b.Systems[name] = contract.Name
		w.pin(b, contract)
	}
	for _, run := range definition.Runs {
		if b.UseCases == nil {
			b.UseCases = map[string]usecases.Signature{}
		}
		b.UseCases[run.Operation] = w.UseCase(run.Operation).Plan.Signature()
	}
	return b
}

// pin adds a contract to the bundle, and those that the ids in it belong to.
func (w *Workspace) pin(b usecases.Bundle, contract *contracts.Contract) {
	if _, done := b.Contracts[contract.Name]; done {
		return
	}
	b.Contracts[contract.Name] = usecases.File{Name: contract.File, Text: string(contract.Text)}
	for _, name := range contract.Refers() {
		if other := w.Contracts[name]; other != nil {
			w.pin(b, other)
		}
	}
}

// tables reads every table of the folder, and those of the catalogue that a use case decides with.
func (l *loader) tables(w *Workspace, definitions []*usecases.Definition) {
	data := map[string]bool{} // files that belong to a table and are none of their own
	for _, f := range l.files.own("rules", ".yaml") {
		l.table(w, f, data)
	}
	for _, f := range l.files.own("rules", ".csv", ".xlsx") {
		switch other := w.tables[stem(f.name)]; {
		case data[f.name]:
		case other == nil:
			l.table(w, f, data)
		default:
			l.add(source.Problem{File: f.name, Severity: source.SeverityError, Message: fmt.Sprintf("%s is the table %s already", other.file.Name, stem(f.name)), Hint: "keep one of the two files"})
		}
	}
	for _, definition := range definitions {
		for _, name := range definition.Tables {
			if w.tables[name] != nil {
				continue
			}
			if f := l.files.find("rules", name, ".yaml", ".csv", ".xlsx"); f != nil {
				l.table(w, f, data)
			}
		}
	}
}

// proofSteps is the work that is done for each table to find what it leaves open; `crosswalk rules analyze` does more.
const proofSteps = 2_000_000

func (l *loader) table(w *Workspace, f *file, data map[string]bool) {
	text, problems := spreadsheet.Text(f.name, f.text)
	one := &table{file: usecases.File{Name: f.name, Text: string(text)}}
	w.tables[stem(f.name)] = one
	if text == nil {
		l.add(problems...)
		return
	}
	beside := spreadsheet.Beside(path.Dir(f.name), func(name string) ([]byte, error) {
		part := l.part(f, name)
		if part == nil {
			return nil, fmt.Errorf("there is no file %s", path.Join(path.Dir(f.name), name))
		}
		data[part.name] = true
		return part.text, nil
	}, func(found source.Problems) { problems = append(problems, found...) })
	parsed, found := rules.ParseTable(f.name, text, func(name string) ([]byte, error) {
		part, err := beside(name)
		if err != nil {
			return nil, err
		}
		if one.file.Parts == nil {
			one.file.Parts = map[string]string{}
		}
		one.file.Parts[name] = string(part)
		return part, nil
	})
	l.add(append(problems, found...)...)
	if problems.Err() != nil {
		parsed = nil
	}
	if parsed != nil && f.own {
		l.add(parsed.Unproven(proofSteps)...)
	}
	one.rules = parsed
}

// part finds a file that a table refers to, beside the table.
func (l *loader) part(owner *file, name string) *file {
	if !localPath(name) {
		return nil
	}
	if !owner.own {
		return l.files.find("rules", stem(name), path.Ext(name))
	}
	return l.files.read(path.Join(path.Dir(owner.name), name))
}

// replaced says which files of the workspace stand in for one of the catalogue.
func (l *loader) replaced() []string {
	var notes []string
	for _, kind := range []string{"usecases", "rules", "adapters", "robots"} {
		for _, f := range l.files.own(kind, ".yaml") {
			if slices.Contains(l.files.shipped(kind, ".yaml"), path.Base(f.name)) {
				notes = append(notes, f.name+" is used instead of the one of the catalogue")
			}
		}
	}
	return notes
}
