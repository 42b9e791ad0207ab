package contracts

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/source"
)

func TestCatalog(t *testing.T) {
	t.Parallel()
	catalog := Catalog()
	for _, name := range []string{"agreements", "credit", "crm", "files", "fulfilment", "hr", "invoicing", "itsm", "mail", "marketing", "messaging", "orders", "payments", "people", "project", "quoting", "receivables", "shop", "social", "support", "warehouse"} {
		require.Contains(t, catalog, name)
	}
	for name, contract := range catalog {
		require.Equal(t, name, contract.Name)
		for short, op := range contract.Operations {
			require.Equal(t, name+"."+short, op.Name)
			require.NotNil(t, op.Input, op.Name)
			require.NotNil(t, op.Output, op.Name)
			if op.Effect == Write {
				require.True(t, op.MayFail(OutcomeUnknown), op.Name)
			}
		}
	}
	find := catalog["crm"].Operation("find_customer")
	require.Equal(t, "crm.customer", find.Record.Name)
	require.NotNil(t, find.Candidates)
	require.True(t, find.MayFail(NotUnique))
	require.False(t, find.MayFail(Declined))
	create := catalog["support"].Operation("create_task")
	require.Equal(t, "support.update_task", create.Redo.Operation.Name)
	require.Equal(t, []Mapping{{Input: "task", Field: "id"}}, create.Redo.With)
	require.Equal(t, "support.find_task", create.Lookup.Name)
	customer := catalog["invoicing"].Records["customer"]
	require.Equal(t, "invoicing.find_customer", customer.Find.Name)
	require.Contains(t, customer.Keys, Mapping{Input: "emails", Field: "emails"})
	require.Equal(t, "invoicing.customer", customer.Type.Member("id").Ref)
	require.NotNil(t, customer.Type.Member("system"))

	delete(catalog, "crm")
	require.Contains(t, Catalog(), "crm", "each caller has its own map")
}

func TestParseProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"unknown field": {"contract: x\noperation: {}\noperations: {}", `contracts/x.yaml:2:1: error: unknown field "operation" (did you mean "operations"?)`},
		"file name":     {"contract: y\noperations: {}", `contracts/x.yaml:1:11: error: the file is called x.yaml, the contract y (name the file y.yaml)`},
		"no operations": {"contract: x", `contracts/x.yaml:1:1: error: the field "operations" is missing (a contract is the list of its operations)`},
		"effect": {"contract: x\noperations:\n  a: {effect: reed, output: {}}",
			`contracts/x.yaml:3:15: error: "reed" is not one of the values possible here (did you mean "read"?)`},
		"class": {"contract: x\noperations:\n  a: {effect: read, output: {}, errors: [not_fond]}",
			`contracts/x.yaml:3:42: error: "not_fond" is not one of the values possible here (did you mean "not_found"?)`},
		"type": {"contract: x\noperations:\n  a: {effect: read, input: {n: numbre}, output: {}}",
			`contracts/x.yaml:3:32: error: unknown type "numbre" (did you mean "number"?)`},
		"record": {"contract: x\noperations:\n  a: {effect: read, output: {record: thing}}",
			`contracts/x.yaml:3:38: error: the contract has no record kind "thing"`},
		"record without id": {"contract: x\nrecords: {r: {schema: {name: string}}}\noperations: {}",
			`contracts/x.yaml:2:23: error: a record kind needs an id that is always there and is the id of its own kind (add id: {type: string, ref: x.r, required: true})`},
		"redo of a read": {"contract: x\noperations:\n  a: {effect: read, output: {}, redo: {operation: a}}",
			`contracts/x.yaml:3:33: error: "redo" is for operations that write (remove it, or write effect: write)`},
		"list": {"contract: x\noperations:\n  a: {effect: read, output: {type: array, items: string}}",
			`contracts/x.yaml:3:29: error: an operation answers a record, not a list (give it a name, as in {lines: {type: array, …}})`},
		"keys": {"contract: x\nrecords: {r: {find: f, keys: {mail: email}, schema: {id: {ref: x.r, required: true}}}}\noperations:\n  f: {effect: read, input: {email: string}, output: {record: r}}",
			`contracts/x.yaml:2:31: error: the operation has no input "mail" (did you mean "email"?)`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract, problems := Parse("contracts/x.yaml", []byte(test.text))
			require.Nil(t, contract)
			require.Equal(t, test.want, problems.Error())
		})
	}
}

func TestSecretShowsItselfToNobody(t *testing.T) {
	t.Parallel()
	secret := NewSecret("hunter2")
	holder := struct{ Token Secret }{secret}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "secret", secret, "holder", holder)
	encoded, err := json.Marshal(holder)
	require.NoError(t, err)
	for _, text := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%s %v %+v %#v %q %x %d", secret, secret, secret, secret, secret, secret, secret),
		fmt.Sprintf("%v %+v %#v", holder, holder, holder), fmt.Sprint(&secret), string(encoded), logged.String(),
	} {
		require.NotContains(t, text, "hunter2")
		require.NotContains(t, text, "68756e74657232") // in hexadecimal
		require.Contains(t, text, "***")
	}
	require.Equal(t, "hunter2", secret.Reveal())
	require.False(t, secret.IsZero())
	require.True(t, Secret{}.IsZero())
}

func TestClassOf(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("adapters: %w", &Error{Class: Declined, Operation: "payments.charge", Message: "card expired", Err: errors.New("402")})
	require.Equal(t, Declined, ClassOf(err))
	require.Equal(t, "adapters: payments.charge: declined: card expired: 402", err.Error())
	require.Equal(t, Internal, ClassOf(errors.New("x")))
	require.Equal(t, Class(""), ClassOf(nil))
	require.True(t, RateLimited.Temporary())
	require.False(t, Declined.Temporary())
}

// A record of the contract may be named anywhere in an answer, such as in a list; its fields stand in one place only.
func TestRecordInAnAnswer(t *testing.T) {
	t.Parallel()
	contract, problems := Parse("field.yaml", []byte(`contract: field
records:
  device: {schema: {id: {ref: field.device, required: true}, serial: {type: string, required: true}}}
operations:
  list_devices: {effect: read, input: {site: string}, output: {devices: {items: {record: device}, required: true}, spare: {record: device, title: Spare}}}
`))
	require.Empty(t, problems.Error())
	output := contract.Operation("list_devices").Output
	devices, _ := output.Field("devices")
	require.Equal(t, "list of device record", devices.Type.String())
	require.Equal(t, contract.Records["device"].Type.FieldNames(), devices.Type.Items.FieldNames(), "with id, serial and the system")
	spare, _ := output.Field("spare")
	require.Equal(t, "Spare", spare.Type.Title)
	_, problems = Parse("field.yaml", []byte("contract: field\noperations:\n  list: {effect: read, output: {devices: {items: {record: gadget}}}}\n"))
	require.Contains(t, problems.Error(), "a business record needs a property id with a ref")
}

// A contract whose file has errors is not said to be missing.
func TestUnknown(t *testing.T) {
	t.Parallel()
	doc := source.Parse("x.yaml", []byte("broken: field\nmissing: partners\n"))
	known := map[string]*Contract{"field": nil, "crm": {}}
	Unknown(doc.Root.Get("broken"), known)
	Unknown(doc.Root.Get("missing"), known)
	require.Equal(t, "x.yaml:1:9: error: the contract \"field\" has errors (mend that file first)\n"+
		"x.yaml:2:10: error: there is no contract \"partners\" (known: crm, field. A new one is the file contracts/partners.yaml)", strings.TrimSpace(doc.Problems().Error()))
}
