package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/rules"
	"crosswalk/sandbox"
)

// calling finds a customer and makes a ticket for her, by whatever products crosswalk.yaml names.
const calling = `
usecase: calling
title: 'Call ${input.email}'
input: {email: {type: string, required: true, personal: true}, text: {type: string, required: true, personal: true}}
steps:
  - {id: customer, call: crm.find_customer, with: {email: '${input.email}'}}
  - id: ticket
    call: support.create_task
    with: {queue: complaints, title: 'Call ${customer.name}', text: '${input.text}', requester_email: '${customer.email}', requester_name: '${customer.name}', priority: high, reference: '${case.reference}'}
  - {id: seen, call: support.get_task, with: {task: '${ticket}'}}
  - end:
      outcome: made
      result:
        name: '${customer.name}'
        email: '${customer.email}'
        country: '${customer.country}'
        gold: '${(customer.tier ?? "standard") == "gold"}'
        phones: '${len(customer.phones ?? [])}'
        number: '${ticket.number}'
        status: '${seen.status}'
        same: '${seen.id == ticket.id}'
`

// before and after are all of crosswalk.yaml: there is nothing else that says which products there are.
const before = `company: Test
systems:
  crm: {contract: crm, drivers: [{adapter: hubspot, base_url: 'env:CRM', secrets: {token: 'env:CRM_TOKEN'}}]}
  support:
    contract: support
    drivers: [{adapter: zendesk, base_url: 'env:SUPPORT', settings: {subdomain: nordwind-home, email: 'env:SUPPORT_USER'}, secrets: {api_token: 'env:SUPPORT_TOKEN'}}]
network: {allow: ['env:CRM_HOST', 'env:SUPPORT_HOST']}
`

const after = `company: Test
systems:
  crm: {contract: crm, drivers: [{adapter: tryton, settings: {url: 'env:TRYTON', user: crosswalk}, secrets: {password: 'env:TRYTON_PASSWORD'}}]}
  support: {contract: support, drivers: [{adapter: request-tracker, settings: {url: 'env:RT'}, secrets: {token: 'env:RT_TOKEN'}}]}
network: {allow: ['env:PLAYED_HOST']}
`

// replayed answers as the real Tryton and Request Tracker answered when the tests beside their adapters were recorded: a
// procedure by its method and arguments, any other request by its method and path.
func replayed(t *testing.T) *httptest.Server {
	t.Helper()
	var known []conformance.Exchange
	for _, name := range []string{"tryton", "request-tracker"} {
		file, text, err := adapters.CatalogTests(name)
		require.NoError(t, err)
		tests, problems := conformance.Parse(file, text, adapters.Catalog()[name])
		require.NoError(t, problems.Err())
		for _, test := range tests.Tests {
			if kind, _, _ := test.Evidence(); kind == conformance.Recorded && test.Error == nil {
				known = append(known, test.Exchanges...)
			}
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent, _ := rules.FromJSON(body)
		for _, one := range known {
			path, _, _ := strings.Cut(one.Expect.URL, "?")
			procedure := path == "/" && !sent.Get("method").IsMissing() && sent.Equal(one.Expect.JSON)
			if r.Method != one.Expect.Method || !procedure && (path == "/" || path != r.URL.Path) {
				continue
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(one.Reply.Status)
			_, _ = w.Write(one.Reply.JSON.Plain())
			return
		}
		http.Error(w, fmt.Sprintf("nothing was recorded for %s %s %s", r.Method, r.URL, body), http.StatusTeapot)
	}))
	t.Cleanup(server.Close)
	return server
}

// files are those of the workspace, without what the program keeps for itself.
func (h *house) files() map[string]string {
	all := map[string]string{}
	require.NoError(h.t, filepath.WalkDir(h.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == ".crosswalk" {
			return filepath.SkipDir
		}
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, h.dir+"/")] = string(text)
		return err
	}))
	return all
}

// called runs the use case to its end, and returns its result.
func (h *house) called(email string) map[string]any {
	h.t.Helper()
	input := filepath.Join(h.t.TempDir(), "input.json")
	require.NoError(h.t, os.WriteFile(input, []byte(`{"email": "`+email+`", "text": "The kettle leaks."}`), 0o600))
	var started struct{ Case struct{ Reference string } }
	require.NoError(h.t, json.Unmarshal([]byte(h.crosswalk(0, "run", "calling", "--input", input, "--json")), &started))
	var s shown
	until(h.t, "the case ends", func() (bool, string) {
		s = h.show(started.Case.Reference)
		return s.Case.State == "done", fmt.Sprintf("%s %s %v", s.Case.State, s.Case.WaitingStep, s.Waits)
	})
	require.Equal(h.t, "made", s.Case.Outcome)
	return s.Case.Result
}

// TestProductsAreReplaced runs a use case on HubSpot and Zendesk, puts Tryton and Request Tracker in their place in
// crosswalk.yaml, and runs it again: no other file of the workspace is touched.
func TestProductsAreReplaced(t *testing.T) {
	t.Parallel()
	company, err := sandbox.Start(t.Context(), sandbox.Options{Directory: t.TempDir(), Seed: 3})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, company.Stop()) })
	played := replayed(t)
	host := func(address string) string {
		parsed, err := url.Parse(address)
		require.NoError(t, err)
		return parsed.Host
	}
	crm, support := company.Addresses()[sandbox.SystemCRM].URL, company.Addresses()[sandbox.SystemSupport].URL
	environment := []string{
		"CRM=" + crm, "CRM_HOST=" + host(crm), "CRM_TOKEN=" + sandbox.CRMLogin.Token,
		"SUPPORT=" + support, "SUPPORT_HOST=" + host(support), "SUPPORT_USER=" + sandbox.SupportLogin.User, "SUPPORT_TOKEN=" + sandbox.SupportLogin.Token,
		"TRYTON=" + played.URL + "/production", "TRYTON_PASSWORD=for-the-example", "RT=" + played.URL, "RT_TOKEN=1-37-43dc9dc85e836a50c9c66a6c6505b8e0", "PLAYED_HOST=" + host(played.URL),
	}
	h := &house{t: t, dir: filepath.Join(t.TempDir(), "house"), listen: freeAddress(t)}
	h.write("crosswalk.yaml", before)
	h.write("usecases/calling.yaml", calling)
	launch := func() {
		h.up = startAs(t, binary, environment, `"ready":true`, "up", "--dir", h.dir, "--listen", h.listen, "--json")
		h.up.awaitReady(t)
	}

	launch()
	customer := alone(company.World())
	got := h.called(customer.Email())
	require.Regexp(t, `^#[0-9]+$`, got["number"])
	delete(got, "number")
	require.Equal(t, map[string]any{"name": customer.Name(), "email": customer.Email(), "country": customer.Address.Country, "gold": customer.Tier == "gold", "phones": 1.0, "status": "new", "same": true}, got)
	require.Zero(t, h.up.terminate(t))

	unchanged := h.files()
	h.write("crosswalk.yaml", after)
	launch()
	require.Equal(t, map[string]any{"name": "Jane Doe", "email": "jane@example.com", "country": "DE", "gold": true, "phones": 1.0, "number": "#1", "status": "new", "same": true}, h.called("Jane@Example.com"))
	now := h.files()
	require.NotEqual(t, unchanged["crosswalk.yaml"], now["crosswalk.yaml"])
	delete(unchanged, "crosswalk.yaml")
	delete(now, "crosswalk.yaml")
	require.Equal(t, unchanged, now, "only crosswalk.yaml is another")
	require.Contains(t, now, "usecases/calling.yaml")
}

// alone is a customer of the CRM whose address nobody shares.
func alone(w *sandbox.World) sandbox.Customer {
	shared := map[string]int{}
	for _, customer := range w.Customers {
		for _, email := range customer.Emails {
			shared[strings.ToLower(email)]++
		}
	}
	for _, customer := range w.Customers {
		if customer.ContactID != "" && customer.Phone != "" && len(customer.Emails) == 1 && shared[strings.ToLower(customer.Email())] == 1 {
			return customer
		}
	}
	return sandbox.Customer{}
}
