package usecases

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Language is the version of the language that use cases are written in. What a number means never changes.
const Language = 1

// Bundle is everything that gives a case its meaning: the use case and the tables and contracts that it
// uses, as texts. A case keeps its bundle for life.
type Bundle struct {
	Language  int               `json:"language"`
	UseCase   File              `json:"usecase"`
	Tables    map[string]File   `json:"tables"`    // by the table's name
	Contracts map[string]File   `json:"contracts"` // by the contract's name
	Systems   map[string]string `json:"systems"`   // the contract of each system that is called
	// UseCases are those that it runs, by name. What they do is settled when they are run.
	UseCases map[string]Signature `json:"usecases,omitempty"`
}

// File is a text with the name under which problems are reported.
type File struct {
	Name  string            `json:"file"`
	Text  string            `json:"text"`
	Parts map[string]string `json:"parts,omitempty"` // texts of the files that it refers to, by the name that it uses
}

// Canonical is the bundle as JSON, the same bytes for the same content.
func (b Bundle) Canonical() []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(b); err != nil { // a struct of texts and maps of texts cannot fail
		panic(fmt.Sprintf("usecases: encoding a bundle: %s", err))
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// Hash is the content hash of the bundle: sha256 of its canonical form, in hexadecimal.
func (b Bundle) Hash() string {
	sum := sha256.Sum256(b.Canonical())
	return hex.EncodeToString(sum[:])
}

// ParseBundle reads a bundle that Canonical wrote.
func ParseBundle(text []byte) (Bundle, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var b Bundle
	if err := decoder.Decode(&b); err != nil {
		return Bundle{}, fmt.Errorf("usecases: reading a bundle: %w", err)
	}
	return b, nil
}

// Compile turns a bundle into a plan. A bundle of a later language than this program knows is refused.
func Compile(b Bundle) (*Plan, source.Problems) {
	if b.Language < 1 || b.Language > Language {
		return nil, source.Problems{{File: b.UseCase.Name, Severity: source.SeverityError,
			Message: fmt.Sprintf("the bundle is written in language %d", b.Language), Hint: fmt.Sprintf("this program knows languages up to %d: update it", Language)}}
	}
	env := Environment{Systems: map[string]*contracts.Contract{}, Tables: map[string]*rules.Table{}}
	var problems source.Problems
	shipped := map[string]*contracts.Contract{}
	for _, name := range sortedKeys(b.Contracts) {
		contract, found := contracts.Parse(b.Contracts[name].Name, []byte(b.Contracts[name].Text))
		shipped[name], problems = contract, append(problems, found.Errors()...)
	}
	for system, contract := range b.Systems {
		env.Systems[system] = shipped[contract]
	}
	for _, name := range sortedKeys(b.Tables) {
		file := b.Tables[name]
		table, found := rules.ParsePublished(file.Name, []byte(file.Text), file.part)
		env.Tables[name], problems = table, append(problems, found.Errors()...)
	}
	env.Contracts = shipped
	env.UseCases = map[string]*Signature{}
	for name, signature := range b.UseCases {
		env.UseCases[name] = &signature
	}
	plan, found := Check(b.UseCase.Name, []byte(b.UseCase.Text), env)
	problems = append(problems, found...)
	if problems.Err() != nil {
		return nil, problems
	}
	plan.Hash = b.Hash()
	return plan, problems
}

func (f File) part(name string) ([]byte, error) {
	text, ok := f.Parts[name]
	if !ok {
		return nil, fmt.Errorf("%s is not in the bundle", name)
	}
	return []byte(text), nil
}
