package main

import (
	"context"
	"fmt"

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/rules"
)

// ours is the product: robot files run by its own runner, with everything that it does for safety and evidence.
type ours struct {
	pool *robots.Pool
	kept *robots.Runner  // remembers its login
	list *robots.Program // keeps a picture of where it ended
	bare *robots.Program // keeps one only if it fails
	hold *robots.Program
}

const contractText = `
contract: shop
operations:
  list:
    effect: read
    input: {customer: {type: string, required: true}}
    output: {rows: {type: array, required: true, items: {type: object, additionalProperties: true}}}
`

const systemText = `
system: bench
base: http://bench.example
browser: {numbers: '1.234,56', dates: dd.MM.yyyy}
limits: {per_credential: 50}
session:
  secrets: [user, password]
  start: /
  alive: {link: Abmelden}
  login:
    - goto: /
    - fill: {into: {label: Name}, value: '${secret.user}'}
    - fill: {into: {label: Kennwort}, value: '${secret.password}'}
    - click: {button: Anmelden}
`

const robotText = `
robot: bench-list
operation: shop.list
system: bench
find:
  - fill: {into: {label: Kunde}, value: '${input.customer}'}
  - select: {into: {label: Status}, value: offen}
  - click: {button: Suchen}
  - table: {from: {}, columns: {Beleg: number, Kunde: customer, Datum: {as: day, type: date}, Betrag: {as: amount, type: money}}, as: rows}
%soutput: {rows: '${rows}'}
%s`

func newOurs() (*ours, error) {
	contract, problems := contracts.Parse("shop.yaml", []byte(contractText))
	if err := problems.Err(); err != nil {
		return nil, err
	}
	system, problems := robots.ParseSystem("bench.system.yaml", []byte(systemText))
	if err := problems.Err(); err != nil {
		return nil, err
	}
	compile := func(further, evidence string) (*robots.Program, error) {
		robot, problems := robots.Parse("bench.yaml", fmt.Appendf(nil, robotText, further, evidence))
		if err := problems.Err(); err != nil {
			return nil, err
		}
		program, problems := robots.Compile(robot, system, contract.Operation("list"))
		return program, problems.Err()
	}
	list, err := compile("", "")
	if err != nil {
		return nil, err
	}
	bare, err := compile("", "evidence: {pictures: failures}\n")
	if err != nil {
		return nil, err
	}
	hold, err := compile("  - {goto: /hold, within: 1m}\n", "")
	if err != nil {
		return nil, err
	}
	// A browser serves longer than usual, so that a leak of 1,000 runs would be seen.
	pool := robots.NewPool(robots.PoolOptions{Runs: 50, MaxRuns: 1_000_000})
	return &ours{pool: pool, kept: robots.NewRunner(pool, nil), list: list, bare: bare, hold: hold}, nil
}

func (d *ours) robot(ctx context.Context, o order) (int, error) {
	runner := d.kept
	if !o.Kept {
		runner = robots.NewRunner(d.pool, nil)
	}
	program := d.bare
	switch {
	case o.Hold:
		program = d.hold
	case o.Picture:
		program = d.list
	}
	result, err := runner.Run(ctx, program, robots.Call{
		Base:    o.Base,
		Input:   rules.Record(map[string]rules.Value{"customer": rules.Text("Müller & Söhne")}),
		Secrets: map[string]contracts.Secret{"user": contracts.NewSecret("robot"), "password": contracts.NewSecret("geheim-4711")},
	})
	return result.Output.Get("rows").Len(), err
}
