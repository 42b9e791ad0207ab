package adapters_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
)

// TestTheCatalogueConforms holds every adapter of the catalogue to its tests and disturbs all of its operations. What it
// says is what `crosswalk adapters test` says.
func TestTheCatalogueConforms(t *testing.T) {
	t.Parallel()
	for name, adapter := range adapters.Catalog() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := conformance.Run(t.Context(), adapter, loadTests(t, name), nil)
			require.NoError(t, err)
			for _, finding := range report.Findings {
				if finding.Untested {
					t.Log(finding)
				} else {
					t.Error(finding)
				}
			}
			t.Logf("%d tests, %d faults", report.Tests, report.Faults)
		})
	}
}

// TestEveryExampleSaysWhatItRestsOn: recorded from a running system on a day, or taken from the vendor's page.
func TestEveryExampleSaysWhatItRestsOn(t *testing.T) {
	t.Parallel()
	for name := range adapters.Catalog() {
		for _, test := range loadTests(t, name).Tests {
			kind, page, on := test.Evidence()
			require.NotEmpty(t, kind, "%s: %s: write recorded: DAY, or source: 'https://PAGE'", name, test.Name)
			require.False(t, kind == conformance.Recorded && on == "", name)
			require.Equal(t, kind == conformance.Documented, page != "", name)
		}
	}
}

// TestNobodyDocumentsWithoutReading: a documented example names the day on which somebody compared it with the vendor's page, or
// says that nobody has. Of those there may only be fewer. A generic adapter for a system of our own has no vendor to read.
func TestNobodyDocumentsWithoutReading(t *testing.T) {
	t.Parallel()
	left := map[string]int{
		"bamboohr": 5, "docusign": 2, "fastmail": 1, "generic-odata": 6,
		"generic-soap": 0, "hubspot": 0, "infor-crm": 4, "jira": 1,
		"mailchimp": 3, "salesforce": 4, "servicenow": 4, "shopify": 0, "tryton": 1, "woocommerce": 0, "zendesk": 2,
	}
	for name := range adapters.Catalog() {
		tests, unread := loadTests(t, name), 0
		check := func(example, page, on string) {
			if strings.HasPrefix(page, "https://") {
				require.Regexp(t, `(^|, )([0-9]{4}-[0-9]{2}-[0-9]{2}|not compared)$`, on, "%s: %s: write the day on which you read the page, or `not compared`", name, example)
			}
			if strings.HasSuffix(on, "not compared") {
				unread++
			}
		}
		for _, test := range tests.Tests {
			if kind, page, on := test.Evidence(); kind == conformance.Documented {
				check(test.Name, page, on)
			}
		}
		for _, delivery := range tests.Webhooks {
			page, on := delivery.Evidence()
			check(delivery.Name, page, on)
		}
		require.LessOrEqual(t, unread, left[name], "%s: read the page before you add an example", name)
	}
}

// TestASourceSaysWhatIsKnown: the page, and the day on which it was read or its version only where somebody knows them.
func TestASourceSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	adapter := adapters.Catalog()["stripe"]
	for source, want := range map[string][]string{
		"https://docs.stripe.com/api":                            {conformance.Documented, "https://docs.stripe.com/api", ""},
		"https://docs.stripe.com/api, 2026-11-22":                {conformance.Documented, "https://docs.stripe.com/api", "2026-11-22"},
		"https://docs.stripe.com/api, version 2026-08-26.dahlia": {conformance.Documented, "https://docs.stripe.com/api", "version 2026-08-26.dahlia"},
		"https://docs.stripe.com/api, not compared":              {conformance.Documented, "https://docs.stripe.com/api", "not compared"},
		"https://docs.stripe.com/api, version 3, 2026-11-22":     {conformance.Documented, "https://docs.stripe.com/api", "version 3, 2026-11-22"},
		"https://docs.stripe.com/api, 2026-11-31":                nil,
		"https://docs.stripe.com/api, some day":                  nil,
		"somewhere":                                              nil,
		"https://docs.stripe.com/api, 2026-11-22, version 3":     nil,
	} {
		text := "tests: [{name: the connection, operation: check_connection, source: '" + source + "', output: {ok: true}}]"
		tests, problems := conformance.Parse("stripe.tests.yaml", []byte(text), adapter)
		if want == nil {
			require.ErrorContains(t, problems.Err(), "stripe.tests.yaml:1:", source)
			continue
		}
		require.NoError(t, problems.Err(), source)
		kind, page, on := tests.Tests[0].Evidence()
		require.Equal(t, want, []string{kind, page, on})
	}
}

// TestOpportunitiesOfOneCurrency: Salesforce has no field for the currency where an organisation has one only, and refuses who sends
// it; what is given in another one is not written as if it were that.
func TestOpportunitiesOfOneCurrency(t *testing.T) {
	t.Parallel()
	adapter := adapters.Catalog()["salesforce"]
	tests, problems := conformance.Parse("salesforce.tests.yaml", []byte(`
source: 'https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_currencytype.htm, 2026-11-23'
settings: {my_domain: acme, currency: EUR}
secrets: {client_id: 3MVG9not-a-key, client_secret: not-a-consumer-secret}
tests:
  - name: its currency is not sent
    operation: create_opportunity
    key: 6F1C2D
    input: {account: 001A, amount: 1200.5, currency: EUR, close_on: '2026-12-31', name: Lamps}
    exchanges:
      - expect:
          method: PATCH
          url: /services/data/v62.0/sobjects/Opportunity/Crosswalk_Key__c/6F1C2D
          json: {AccountId: 001A, Amount: 1200.5, CloseDate: '2026-12-31', Name: Lamps, StageName: Prospecting}
        reply: {status: 201, json: {created: true, errors: [], id: 006B, success: true}}
    output: {account: 001A, amount: 1200.5, currency: EUR, close_on: '2026-12-31', id: 006B, name: Lamps, stage: Prospecting, status: open}
  - name: it is not asked for, and known
    operation: get_opportunity
    input: {opportunity: 006A}
    exchanges:
      - expect:
          method: GET
          url: '/services/data/v62.0/query?q=SELECT+Id,+Name,+AccountId,+StageName,+IsWon,+IsClosed,+Amount,+CloseDate,+Owner.Name+FROM+Opportunity+WHERE+Id+%3D+''006A'''
        reply: {json: {done: true, records: [{AccountId: 001A, Amount: 1200.5, CloseDate: '2026-12-31', Id: 006A, IsClosed: false, IsWon: false, Name: Lamps, StageName: Prospecting}], totalSize: 1}}
    output: {account: 001A, amount: 1200.5, currency: EUR, close_on: '2026-12-31', id: 006A, name: Lamps, stage: Prospecting, status: open}
  - name: another one is refused
    operation: create_opportunity
    key: 6F1C2E
    input: {account: 001A, amount: 1200.5, currency: USD, close_on: '2026-12-31', name: Lamps}
    exchanges: []
    error: {class: validation, message: nothing was written}
  - name: another one is refused in a change
    operation: update_opportunity
    key: 6F1C2F
    input: {opportunity: 006A, amount: 1200.5, currency: USD}
    exchanges: []
    error: {class: validation, message: nothing was written}
`), adapter)
	require.NoError(t, problems.Err())
	report, err := conformance.Run(t.Context(), adapter, tests, nil)
	require.NoError(t, err)
	for _, finding := range report.Findings {
		require.True(t, finding.Untested || finding.Expected == "every operation has a test", finding)
	}
	require.Equal(t, 4, report.Tests)
}
