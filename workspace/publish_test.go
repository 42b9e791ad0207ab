package workspace

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func edit(t *testing.T, dir, name, from, to string) {
	t.Helper()
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), from)
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o600))
}

func publish(t *testing.T, dir string, s *store.Store) Published {
	t.Helper()
	w, problems := Load(dir)
	require.NoError(t, problems.Err())
	published, err := w.Publish(t.Context(), s, "ada", "")
	require.NoError(t, err)
	return published
}

func TestPublish(t *testing.T) {
	t.Parallel()
	dir, s := write(t, base(t)...), openStore(t)
	first := publish(t, dir, s)
	require.Equal(t, []string{"restock"}, first.Changed)
	again := publish(t, dir, s)
	require.Empty(t, again.Changed)
	require.Equal(t, first.Version, again.Version, "nothing changed")

	// A case that started before keeps its meaning: the stored bundle is complete by itself.
	stored, err := s.Bundle(t.Context(), first.Hashes["restock"])
	require.NoError(t, err)
	bundle, err := usecases.ParseBundle(stored.Body)
	require.NoError(t, err)
	plan, problems := usecases.Compile(bundle)
	require.Empty(t, problems.Error())
	require.Equal(t, first.Hashes["restock"], plan.Hash)
	require.Equal(t, "warehouse.check_stock", plan.Steps[0].Call.Operation.Name)

	edit(t, dir, "rules/enough.yaml", "> 10", "> 20")
	changed := publish(t, dir, s)
	require.Equal(t, []string{"restock"}, changed.Changed, "a use case and its tables switch together")
	require.Equal(t, first.Reach, changed.Reach)

	edit(t, dir, "adapters/stockly.yaml", "version: 1.0.0", "version: 1.0.1")
	reached := publish(t, dir, s)
	require.Empty(t, reached.Changed, "another way to a system is no other meaning")
	require.NotEqual(t, changed.Reach, reached.Reach)

	edit(t, dir, "rules/enough.yaml", "> 20", "> twenty")
	w, problems := Load(dir)
	require.Error(t, problems.Err())
	_, err = w.Publish(t.Context(), s, "ada", "")
	require.ErrorIs(t, err, ErrInvalid)
	version, err := s.Version(t.Context())
	require.NoError(t, err)
	require.Equal(t, reached.Version, version, "a workspace with errors changes nothing")

	edit(t, dir, "rules/enough.yaml", "> twenty", "> 20")
	require.NoError(t, os.Rename(filepath.Join(dir, "usecases/restock.yaml"), filepath.Join(dir, "usecases/refill.yaml")))
	edit(t, dir, "usecases/refill.yaml", "usecase: restock", "usecase: refill")
	edit(t, dir, "crosswalk.yaml", "starts: restock", "starts: refill")
	renamed := publish(t, dir, s)
	require.Equal(t, []string{"refill"}, renamed.Changed)
	require.Equal(t, []string{"restock"}, renamed.Removed)
}

func TestReach(t *testing.T) {
	t.Parallel()
	dir := write(t, base(t)...)
	w, problems := Load(dir)
	require.Empty(t, problems.Error())
	reach, err := ParseReach(w.Body(), dir)
	require.NoError(t, err)
	require.Equal(t, w.Reach.Hash(), reach.Hash(), "reading what was written gives the same")

	routes := reach.Routes("stock", "check_stock")
	require.Len(t, routes, 2)
	require.Equal(t, "adapter:stockly", routes[0].Driver.ID())
	require.Equal(t, "warehouse.check_stock", routes[0].Operation)
	require.False(t, routes[0].Last)
	require.NotNil(t, routes[0].Adapter)
	require.Equal(t, "depot", routes[1].Queue)
	require.True(t, routes[1].Last)
	require.NotEqual(t, routes[0].Hash, routes[1].Hash)
	require.Len(t, reach.Routes("staff", "list_agents"), 1)
	require.Empty(t, reach.Routes("nothing", "x"))
	require.Equal(t, `there is no system "nothing" in crosswalk.yaml`, reach.Unreachable("nothing", "x"))
	require.Equal(t, contracts.AtMostOnce, reach.Routes("tickets", "create_task")[0].Safety)

	require.Equal(t, []string{"127.0.0.1:8080", "localhost:9000"}, reach.Config.AllowHosts)
	require.Equal(t, "ada@example.com", reach.People.User("ADA@example.com").Email)
	require.True(t, reach.People.Users[0].AbsentOn(time.Date(2026, 7, 14, 15, 0, 0, 0, time.UTC)))
	require.False(t, reach.People.Users[0].AbsentOn(time.Date(2026, 7, 15, 0, 0, 0, 0, time.UTC)))
	require.True(t, reach.People.Users[1].Serves(reach.People.Queue("depot")))
	require.False(t, reach.People.Users[1].Serves(reach.People.Queue("front")))

	sources, err := reach.Sources(w.known())
	require.NoError(t, err)
	require.Len(t, sources, 3)
	for _, source := range sources {
		require.Equal(t, source.Verify.Scheme != "" && source.Verify.Scheme != VerifyNone, source.Verify.Webhook != nil, "%s: how it is verified", source.Name)
	}
	input, err := sources[1].With.Eval(map[string]rules.Value{"webhook": rules.Record(map[string]rules.Value{
		"fields":      rules.Record(map[string]rules.Value{"sku": rules.Text("A-1")}),
		"received_at": rules.Instant(time.Unix(0, 0)),
	})})
	require.NoError(t, err)
	require.Equal(t, `{"sku":"A-1","wanted_on":"1970-01-01T00:00:00Z"}`, string(input.Plain()))
	require.Equal(t, "tickets", sources[2].Completes.System)
	_, err = reach.Sources(Known{Input: func(string) *rules.Type { return nil }})
	require.ErrorContains(t, err, `there is no use case "restock"`)

	_, err = ParseReach([]byte(`{"language":2,"files":{}}`), dir)
	require.ErrorContains(t, err, "language 2")
}

func TestSecretsAreReadLate(t *testing.T) {
	dir := write(t, append(base(t), txtar.File{Name: "secrets/zendesk", Data: []byte("from a file\n")})...)
	w, problems := Load(dir)
	require.Empty(t, problems.Error())
	route := w.Routes("stock", "check_stock")[0]
	_, err := w.AdapterConfig(route, nil)
	require.ErrorContains(t, err, "STOCKLY_TOKEN is not set")
	require.Equal(t, contracts.Auth, contracts.ClassOf(err))
	t.Setenv("STOCKLY_TOKEN", "t0ken")
	config, err := w.AdapterConfig(route, adapters.NewMemory())
	require.NoError(t, err)
	require.Equal(t, "t0ken", config.Secrets["token"].Reveal())
	require.Equal(t, "eu", config.Settings.Get("region").Text())
	require.Len(t, config.Limits, 1)
	secret, err := w.Config.Intake[2].Verify.Secrets[0].Resolve()
	require.NoError(t, err)
	require.Equal(t, "from a file", secret.Reveal())
}

func TestWatch(t *testing.T) {
	t.Parallel()
	dir := write(t, base(t)...)
	results := make(chan Result)
	ctx, cancel := context.WithCancel(t.Context())
	watcher, err := NewWatcher(dir)
	require.NoError(t, err)
	edit(t, dir, "rules/enough.yaml", "id | Available", "id | Available ") // before anybody looks: it is not missed
	done := make(chan struct{})
	go func() {
		defer close(done)
		watcher.Run(ctx, func(r Result) {
			select {
			case results <- r:
			case <-ctx.Done():
			}
		})
	}()
	first := <-results
	require.NotNil(t, first.Workspace)
	edit(t, dir, "usecases/restock.yaml", "decide: enough", "decide: enuogh")
	for r := range results {
		if r.Problems.Err() != nil {
			require.Contains(t, r.Problems.Error(), `there is no rule table "enuogh"`)
			break
		}
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "contracts"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "contracts", "x.yaml"), []byte("contract: y\n"), 0o600))
	for r := range results {
		if strings.Contains(r.Problems.Error(), "contracts/x.yaml") {
			break
		}
	}
	cancel()
	<-done
	require.NoError(t, watcher.Close())
}

func TestInit(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	written, err := Init(dir)
	require.NoError(t, err)
	require.Contains(t, written, "crosswalk.yaml")
	w, problems := Load(dir)
	require.Empty(t, problems.Error())
	require.Equal(t, "callback", w.UseCases[0].Name)
	require.Equal(t, []string{"callback"}, publish(t, dir, openStore(t)).Changed)
	_, err = Init(dir)
	require.ErrorIs(t, err, ErrNotEmpty)
}

// TestCatalogueIsFoundByName shows that a workspace may use what is shipped, and put its own in front.
func TestCatalogueIsFoundByName(t *testing.T) {
	t.Parallel()
	config := `systems:
  crm: {contract: crm, drivers: [{adapter: hubspot, base_url: 'http://127.0.0.1:7801', secrets: {token: 'env:A'}}]}
  support:
    contract: support
    drivers:
      - adapter: zendesk
        base_url: http://127.0.0.1:7802
        settings: {subdomain: example, email: crosswalk@example.com, groups: {complaints: 1}}
        secrets: {api_token: 'env:B'}
  invoicing: {contract: invoicing, drivers: [{adapter: stripe, secrets: {secret_key: 'env:C'}}]}
  orders: {contract: orders, drivers: [{adapter: woocommerce, settings: {store: 'https://shop.example.com'}, secrets: {consumer_key: 'env:D', consumer_secret: 'env:E'}}]}
  fulfilment: {contract: fulfilment, drivers: [{robot: versanddesk, base_url: 'http://127.0.0.1:7804', secrets: {user: 'env:F', password: 'env:G'}}, {person: desk}]}
  warehouse: {contract: warehouse, drivers: [{adapter: warehouse-sql, settings: {host: 127.0.0.1, port: 7805, database: w, user: u, tls: 'off'}, secrets: {password: 'env:H'}}]}
  people: {contract: people, drivers: [{desk: people}]}
usecases: [customer-complaint]
network: {allow: ['127.0.0.1:7801', '127.0.0.1:7802', '127.0.0.1:7804', '127.0.0.1:7805']}
`
	dir := write(t, txtar.File{Name: "crosswalk.yaml", Data: []byte(config)})
	w, problems := Load(dir)
	require.Empty(t, problems.Error())
	require.Equal(t, "customer-complaint", w.UseCases[0].Name)
	require.Empty(t, w.Notes)
	for _, call := range w.UseCases[0].Calls {
		require.NotEmpty(t, w.Routes(call.System, call.Operation), w.Unreachable(call.System, call.Operation))
	}
	create := w.Routes("support", "create_task")[0]
	require.Equal(t, contracts.IdempotencyKey, create.Safety)
	require.Positive(t, create.KeyTTL)
	require.NotNil(t, w.Routes("fulfilment", "get_shipment")[0].Program)
	reach, err := ParseReach(w.Body(), dir)
	require.NoError(t, err)
	require.Equal(t, create.Hash, reach.Routes("support", "create_task")[0].Hash, "what was read from the catalogue is stored with the reach")

	warranty, err := os.ReadFile("../rules/catalog/warranty.yaml")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "rules"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules", "warranty.yaml"), warranty, 0o600))
	own, problems := Load(dir)
	require.Empty(t, problems.Error())
	require.Equal(t, []string{"rules/warranty.yaml is used instead of the one of the catalogue"}, own.Notes)
	require.NotEqual(t, w.UseCases[0].Hash, own.UseCases[0].Hash)
}

// TestTableInASpreadsheet shows that the rows of a table may lie in a file of their own, which is part of the
// bundle like the table itself.
func TestTableInASpreadsheet(t *testing.T) {
	t.Parallel()
	dir := write(t, append(base(t),
		txtar.File{Name: "rules/enough.yaml", Data: []byte("rules: 1\ntable: enough\nfacts: {available: {type: number, required: true}}\nhit: first\nno_match: error\n" +
			"inputs: [{name: Available, fact: available}]\noutputs: [{name: enough, type: boolean, required: true}]\nrows: enough-rows.csv\n")},
		txtar.File{Name: "rules/enough-rows.csv", Data: []byte("id,Available,enough\nE1,> 10,true\nE2,-,false\n")},
	)...)
	s := openStore(t)
	first := publish(t, dir, s)
	stored, err := s.Bundle(t.Context(), first.Hashes["restock"])
	require.NoError(t, err)
	bundle, err := usecases.ParseBundle(stored.Body)
	require.NoError(t, err)
	_, problems := usecases.Compile(bundle)
	require.Empty(t, problems.Error())
	edit(t, dir, "rules/enough-rows.csv", "> 10", "> 5")
	require.Equal(t, []string{"restock"}, publish(t, dir, s).Changed)
	edit(t, dir, "rules/enough-rows.csv", "> 5", "> five")
	_, problems = Load(dir)
	require.ErrorContains(t, problems.Err(), "rules/enough-rows.csv:2")
}

// Who has open cases is told of a publication; a case that was moved to what comes has nothing to do with it.
func TestCasesThatHaveWhatComesAreNotTouched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Init(dir)
	require.NoError(t, err)
	s, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	before, problems := Load(dir)
	require.NoError(t, problems.Err())
	_, err = before.Publish(t.Context(), s, "test", "")
	require.NoError(t, err)
	name := filepath.Join(dir, "usecases", "callback.yaml")
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, append(text, "# changed\n"...), 0o600))
	after, problems := Load(dir)
	require.NoError(t, problems.Err())
	for _, hash := range []string{before.UseCase("callback").Hash, after.UseCase("callback").Hash, before.UseCase("callback").Hash} {
		_, err := s.CreateCase(t.Context(), store.NewCase{UseCase: "callback", BundleHash: hash})
		require.NoError(t, err)
	}
	proposal, err := after.Propose(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, []OpenCases{{UseCase: "callback", Open: 2}}, proposal.Open)
}
