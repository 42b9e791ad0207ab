package usecases

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

// TestMovedCaseReadsWhatNobodyReadBefore: where an answer has nothing, something may have been left out that nobody read.
func TestMovedCaseReadsWhatNobodyReadBefore(t *testing.T) {
	t.Parallel()
	plan := func(level string) *Plan {
		plan, problems := Check("x.yaml", []byte(`usecase: x
title: Test
input: {email: {type: string, required: true}}
steps:
  - {id: customer, call: crm.find_customer, with: {email: '${input.email}'}}
  - {id: found, set: {value: '${customer.name}'}}
  - {id: level, set: {value: '`+level+`'}}
  - {end: {outcome: '${found}', result: {level: '${level}'}}}
`), testEnvironment())
		require.Empty(t, problems.Error())
		return plan
	}
	name, tier, whole := plan(`${customer.name}`), plan(`${customer.tier ?? "standard"}`), plan(`${customer}`)
	record := func(fields map[string]rules.Value) map[string]rules.Value {
		fields["id"], fields["name"] = rules.Text("1"), rules.Text("Jane")
		return map[string]rules.Value{"customer": rules.Record(fields), "found": rules.Text("Jane"), "input": rules.Record(map[string]rules.Value{"email": rules.Text("jane@example.org")})}
	}
	without, with := record(map[string]rules.Value{}), record(map[string]rules.Value{"tier": rules.Text("gold")})
	const why = "the other version reads tier of the answer of the step customer, which this one did not: it is not there, and may have been left out because it did not look as declared; go on from the step customer, so that it is asked again"
	for _, one := range []struct {
		name     string
		from, to *Plan
		top      int
		results  map[string]rules.Value
		problem  string
	}{
		{"read now", name, tier, 2, without, why},
		{"read now and there", name, tier, 2, with, ""},
		{"read before", tier, tier, 2, without, ""},
		{"all read before", whole, tier, 2, without, ""},
		{"not read now", tier, name, 2, without, ""},
		{"asked again", name, tier, 0, without, ""},
		{"without results", name, tier, 2, nil, ""},
	} {
		require.Equal(t, one.problem, one.from.Movable(one.to, one.top, one.results), one.name)
	}
	require.Contains(t, name.Movable(whole, 2, with), "the other version reads email of the answer")
}

// TestUnread finds the place inside of lists.
func TestUnread(t *testing.T) {
	t.Parallel()
	text := &rules.Type{Kind: rules.KindText, Optional: true}
	lines := &rules.Type{Kind: rules.KindRecord, Fields: []rules.Field{{Name: "lines", Type: &rules.Type{Kind: rules.KindList, Items: &rules.Type{Kind: rules.KindRecord, Fields: []rules.Field{{Name: "sku", Type: text}, {Name: "title", Type: text}}}}}}}
	value, err := rules.FromJSON([]byte(`{"lines": [{"sku": "a", "title": "A"}, {"sku": "b"}]}`))
	require.NoError(t, err)
	require.Equal(t, "lines[].title", unread(lines, value, "", []string{"lines[].sku"}, []string{"lines[].title"}))
	require.Empty(t, unread(lines, value, "", []string{"lines"}, []string{"lines[].title"}))
	require.Empty(t, unread(lines, value, "", []string{"id"}, []string{"lines[].sku"}))
	require.Empty(t, unread(lines, value, "", nil, nil))
}
