package usecases

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

const complete = `usecase: x
title: 'Case of ${input.email ?? "somebody"}'
input: {email: string, product: string, lines: {type: array, items: {type: object, properties: {sku: {type: string, required: true}}}}}
steps:
  - id: customer
    title: Who is it?
    call: crm.find_customer
    with: {email: '${input.email}'}
    retry: {attempts: 3, within: 2 days}
    timeout: 10s
    correct: {}
    on_error:
      not_unique:
        - ask: {queue: support, what: choose, from: '${error.candidates}'}
      not_found:
        - id: user
          call: support.find_customer
          with: {email: '${input.email}'}
          on_error: {not_found: []}
  - {when: customer == missing, end: {outcome: unknown_customer}}
  - id: invoices
    call: invoicing.list_invoices
    with: {customer: '${customer}'}
    on_error:
      not_unique: [{ask: {queue: support, what: choose, from: '${[{invoices: [], lines: []}]}'}}]
  - id: purchase
    choose:
      - when: len(invoices.lines) == 0
        steps: [{end: {}}]
      - when: len(invoices.lines) == 1
        steps: [{id: line, set: {value: '${first(invoices.lines)}'}}]
      - otherwise:
          - id: line
            ask: {queue: support, what: choose, from: '${invoices.lines}', within: 2 days, on_timeout: {role: lead}}
  - id: checks
    each:
      in: '${input.lines ?? []}'
      as: item
      steps:
        - id: stock
          call: warehouse.check_stock
          with: {sku: '${item.sku}', country: DE}
        - set: {sku: '${item.sku}', left: '${stock.available}'}
  - id: ticket
    call: support.create_task
    with: {queue: q, title: '${case.title}', text: '${customer.name}', reference: '${case.reference}', tags: ['${line?.article ?? ""}']}
  - id: solve
    ask: {queue: q, who: '${input.email}', what: complete, outcomes: [accepted, changed], task: '${ticket}', show: {Checks: '${checks}'}}
  - end: {outcome: '${solve.outcome}', result: {ticket: '${ticket.number}', by: '${solve.by}'}}
joined:
  - id: note
    call: support.update_task
    with: {task: '${ticket}', text: '${message.text}'}
`

func TestPlan(t *testing.T) {
	t.Parallel()
	plan, problems := Check("x.yaml", []byte(complete), testEnvironment())
	require.Empty(t, problems.Error())
	byPath := map[string]*Step{}
	var walk func(steps []*Step)
	walk = func(steps []*Step) {
		for _, step := range steps {
			require.NotContains(t, byPath, step.Path, "a path names one step")
			byPath[step.Path] = step
			for _, handler := range step.OnError {
				walk(handler.Steps)
			}
			if step.Choose != nil {
				for _, branch := range step.Choose.Branches {
					walk(branch.Steps)
				}
			}
			if step.Each != nil {
				walk(step.Each.Steps)
			}
		}
	}
	walk(plan.Steps)
	walk(plan.Joined.Steps)
	for _, path := range []string{"customer", "customer.on_error.not_unique[0]", "customer.on_error.not_found[0]", "end[1]", "purchase[0].end[0]",
		"purchase[1].line", "purchase[2].line", "checks[].stock", "checks[].set[1]", "joined[].note", "end[7]"} {
		require.Contains(t, byPath, path)
	}
	require.Equal(t, "checks[3].stock", byPath["checks[].stock"].At(3))
	require.Equal(t, "Case of", plan.Title)
	require.Equal(t, []string{"ticket"}, plan.Joined.After)

	customer := byPath["customer"]
	require.Equal(t, Retry{Attempts: 3, Within: 48 * time.Hour}, customer.Retry)
	require.Equal(t, 10*time.Second, customer.Timeout)
	require.NotNil(t, customer.Correct)
	require.True(t, customer.Type.Optional, "a stand-in may give nothing")
	require.True(t, customer.Personal)
	require.Equal(t, "call", customer.Kind())
	require.Equal(t, "Find the customer", customer.Label())
	require.Equal(t, "customer", customer.Type.Record, "customers of both systems are customers")
	require.True(t, customer.Type.Member("tier").Optional)
	handler, ok := customer.On(contracts.NotUnique)
	require.True(t, ok)
	require.Equal(t, "crm.customer", handler.Steps[0].Type.Member("id").Ref)
	_, ok = customer.On(contracts.Declined)
	require.False(t, ok)

	require.False(t, byPath["purchase[2].line"].Type.Optional)
	require.Equal(t, rules.KindList, byPath["checks"].Type.Kind)
	require.Equal(t, []string{"left", "sku"}, sortedNames(byPath["checks"].Type.Items))
	require.Equal(t, []string{"accepted", "changed"}, byPath["solve"].Ask.Outcomes)
	require.Contains(t, plan.Systems, "warehouse")
	require.NotContains(t, plan.Systems, "people")
}

// TestNothingIsARecord shows that a call without with: still gives its operation a record.
func TestNothingIsARecord(t *testing.T) {
	t.Parallel()
	plan, problems := Check("x.yaml", []byte("usecase: x\nsteps: [{id: c, call: crm.find_customer}, {end: {result: '${c}'}}]\n"), testEnvironment())
	require.Empty(t, problems.Error())
	value, err := plan.Steps[0].Call.With.Eval(nil)
	require.NoError(t, err)
	require.Equal(t, rules.KindRecord, value.Kind())
}

func sortedNames(t *rules.Type) []string {
	names := map[string]bool{}
	for _, name := range t.FieldNames() {
		names[name] = true
	}
	return sortedKeys(names)
}

// TestNarrowing shows where a value that may be missing counts as there.
func TestNarrowing(t *testing.T) {
	t.Parallel()
	const head = "usecase: x\ninput: {a: string, b: string}\nsteps:\n"
	for name, steps := range map[string]string{
		"after an end":                    "  - {when: input.a == missing, end: {}}\n  - {id: x, set: {value: '${upper(input.a)}'}}\n",
		"in the step itself":              "  - {id: x, when: input.a != missing, set: {value: '${upper(input.a)}'}}\n",
		"in a branch":                     "  - {id: x, choose: [{when: input.a != missing, steps: [{set: {value: '${upper(input.a)}'}}]}]}\n",
		"in the branches after":           "  - {id: x, choose: [{when: input.a == missing, steps: [{set: {value: none}}]}, {otherwise: [{set: {value: '${upper(input.a)}'}}]}]}\n",
		"after a branch that ends":        "  - {id: x, choose: [{when: input.a == missing, steps: [{end: {}}]}]}\n  - {id: y, set: {value: '${upper(input.a)}'}}\n",
		"name of all branches":            "  - {id: x, choose: [{when: input.a == missing, steps: [{id: n, set: {value: none}}]}, {otherwise: [{id: n, set: {value: '${input.a}'}}]}]}\n  - {id: y, set: {value: '${upper(n)}'}}\n",
		"name of the branches that go on": "  - {id: x, choose: [{when: input.a == missing, steps: [{end: {}}]}, {otherwise: [{id: n, set: {value: '${input.a}'}}]}]}\n  - {id: y, set: {value: '${upper(n)}'}}\n",
	} {
		_, problems := Check("x.yaml", []byte(head+steps), Environment{})
		require.Empty(t, problems.Error(), name)
	}
	for name, steps := range map[string]string{
		"after an end that may not come": "  - {when: input.a == missing and input.b == missing, end: {}}\n  - {id: x, set: {value: '${upper(input.a)}'}}\n",
		"after a step with a condition":  "  - {id: x, when: input.a != missing, set: {value: 1}}\n  - {id: y, set: {value: '${upper(input.a)}'}}\n",
		"after a choose with one":        "  - {id: x, when: input.b != missing, choose: [{when: input.a == missing, steps: [{end: {}}]}]}\n  - {id: y, set: {value: '${upper(input.a)}'}}\n",
		"name of one branch":             "  - {id: x, choose: [{when: input.a == missing, steps: [{id: n, set: {value: none}}]}, {otherwise: [{set: {value: '${input.a}'}}]}]}\n  - {id: y, set: {value: '${upper(n)}'}}\n",
		"second branch that ends":        "  - {id: x, choose: [{when: input.b == missing, steps: [{set: {value: 1}}]}, {when: input.a == missing, steps: [{end: {}}]}]}\n  - {id: y, set: {value: '${upper(input.a)}'}}\n",
	} {
		_, problems := Check("x.yaml", []byte(head+steps), Environment{})
		require.True(t, hasProblem(problems, "may be missing"), "%s: %s", name, problems.Error())
	}
}

func TestBundle(t *testing.T) {
	t.Parallel()
	catalog := contracts.Catalog()
	b := Bundle{Language: 1, UseCase: File{Name: "usecases/x.yaml", Text: complete}, Contracts: map[string]File{}, Tables: map[string]File{}, Systems: map[string]string{}}
	for _, name := range []string{"crm", "support", "invoicing", "warehouse"} {
		b.Contracts[name] = File{Name: catalog[name].File, Text: string(catalog[name].Text)}
		b.Systems[name] = name
	}
	read, err := ParseBundle(b.Canonical())
	require.NoError(t, err)
	require.Equal(t, b.Hash(), read.Hash())
	plan, problems := Compile(read)
	require.Empty(t, problems.Error())
	require.Equal(t, b.Hash(), plan.Hash)

	changed := read
	changed.UseCase.Text += "# a comment\n"
	require.NotEqual(t, b.Hash(), changed.Hash())
	changed.Language = 2
	_, problems = Compile(changed)
	require.Equal(t, "usecases/x.yaml: error: the bundle is written in language 2 (this program knows languages up to 1: update it)", problems.Error())
	_, err = ParseBundle([]byte(`{"language":1,"surprise":true}`))
	require.Error(t, err)
}

func TestParse(t *testing.T) {
	t.Parallel()
	d, problems := Parse("usecases/x.yaml", []byte(complete))
	require.Empty(t, problems.Error())
	require.Equal(t, []string{"crm", "invoicing", "support", "warehouse"}, d.Systems)
	require.Empty(t, d.Tables)
	require.Equal(t, Reference{System: "crm", Operation: "find_customer", File: "usecases/x.yaml", Line: 7, Column: 11}, d.Calls[0])
	require.Len(t, d.Calls, 6)
	require.Equal(t, "Case of", d.Title)
	_, problems = Parse("x.yaml", []byte("steps: []"))
	require.Error(t, problems.Err())
}
