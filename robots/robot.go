package robots

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Robot is one robot file: which operation it carries out and in which system. What it does is compiled
// by Compile, when the operation and the system are known.
type Robot struct {
	Name      string
	Title     string
	Operation string // fulfilment.get_shipment
	System    string
	File      string
	Text      []byte
}

// Program is a robot checked against its system and its operation, ready to run. It may be run by several
// goroutines at once.
type Program struct {
	Robot     *Robot
	System    *System
	Operation *contracts.Operation
	// Hash changes with the robot file or the system file.
	Hash string

	find   []step
	write  *write // nil if it only reads
	output *rules.Template
	mask   []*target
	keep   time.Duration // of evidence; 0: as long as its case
	fails  bool          // only a run that fails keeps a picture
	canary *Canary       // nil: it is not tried regularly

	saysCanary bool // the file says how it is tried, or why it is not
}

// Parse reads the head of a robot file, which is all that can be said without its system and operation.
func Parse(file string, text []byte) (*Robot, source.Problems) {
	doc := source.Parse(file, text)
	fields := doc.Root.Fields(robotShape)
	robot := &Robot{File: file, Text: text, Title: fields["title"].Text()}
	robot.Name = checkedName(doc.Root.Required("robot", "name the robot"))
	robot.Operation = doc.Root.Required("operation", "name the operation that it carries out, as in fulfilment.get_shipment").Text()
	robot.System = doc.Root.Required("system", "name the system file that it works with").Text()
	return robot, doc.Problems()
}

// Compile checks everything in a robot file against its system and the operation of the contract, and
// returns all problems of the file. The program must not be run if there are errors among them.
func Compile(robot *Robot, system *System, operation *contracts.Operation) (*Program, source.Problems) {
	doc := source.Parse(robot.File, robot.Text)
	fields := doc.Root.Fields(robotShape)
	fields["fingerprints"].Errorf("leave it out", "what pages were like is kept by itself")
	p := &Program{Robot: robot, System: system, Operation: operation, Hash: hash(robot.Text, system.Text)}
	c := &compiler{system: system, env: rules.NewEnvironment(nil).With("input", operation.Input), secretScope: system.secrets, operation: operation}
	if operation.Effect == contracts.Write {
		c.env = c.env.With("key", rules.TypeOf(rules.KindText))
		p.find = c.steps(fields["find"])
		c.compileWrite(p, doc.Root, fields)
	} else {
		for _, name := range []string{"already", "settle", "prepare", "commit", "verify"} {
			fields[name].Errorf("use find", "%s only reads, and has no %s", operation.Name, name)
		}
		p.find = c.steps(doc.Root.Required("find", "give the steps that find what is asked for"))
	}
	if output := doc.Root.Required("output", "say what the operation answers"); output != nil {
		p.output = rules.CompileTemplate(output, c.env, withoutOrigin(operation.Output), options)
	}
	evidence := fields["evidence"].Fields(evidenceShape)
	if keep := evidence["keep"]; keep.Exists() {
		if p.keep = keep.Duration(); p.keep < shortestKeep {
			keep.Errorf("write for example 90d", "evidence is kept for at least %s", rules.Duration(shortestKeep))
		}
	}
	p.fails = evidence["pictures"].Exists() && evidence["pictures"].OneOf("always", "failures") == "failures"
	c.compileCanary(p, fields["canary"])
	for _, n := range evidence["mask"].List() {
		p.mask = append(p.mask, c.compileTarget(n))
	}
	return p, doc.Problems()
}

// withoutOrigin is a type whose ids are plain texts: what a page shows is where ids come from.
func withoutOrigin(t *rules.Type) *rules.Type {
	if t == nil {
		return nil
	}
	plain := *t
	plain.Ref, plain.Items = "", withoutOrigin(t.Items)
	plain.Fields = slices.Clone(t.Fields)
	for i := range plain.Fields {
		plain.Fields[i].Type = withoutOrigin(plain.Fields[i].Type)
	}
	return &plain
}

func hash(texts ...[]byte) string {
	sum := sha256.New()
	for _, text := range texts {
		_, _ = fmt.Fprintf(sum, "%d\n%s", len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
