package adapters_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/contracts"
	"crosswalk/rules"
)

const bookingAdapter = `adapter: acme
contract: support
connection: {base_url: https://acme.example}
auth: none
operations:
  create_booking:
    effect: write
    safety: {lookup: find_booking}
    input: {title: {type: string, required: true}}
    output_type: {id: {type: string, required: true}}
    request: {post: /bookings, json: {title: '${input.title}', external: '${key}'}}
    output: {id: '${text(answer.body.id)}'}
  find_booking:
    effect: read
    input: {key: {type: string, required: true}}
    output_type: {id: {type: string, required: true}}
    request: {get: /bookings, query: {external: '${input.key}'}, items: '%s'}
    not_found: 'len(answer.items) == 0'
    output: {id: '${text(answer.items[0].id)}'}
`

const bookingTests = `tests:
  - {name: booked, operation: create_booking, key: 6F1C2A, input: {title: Late}, exchanges: [{expect: {method: POST, url: /bookings, json: {title: Late, external: 6F1C2A}}, reply: {status: 201, json: {id: 7}}}], output: {id: '7'}}
  - {name: found, operation: find_booking, input: {key: 6F1C2A}, exchanges: [{expect: {method: GET, url: '/bookings?external=6F1C2A'}, reply: {json: {bookings: [%s]}}}], output: {id: '7'}}
  - {name: none, operation: find_booking, input: {key: 6F1C2A}, exchanges: [{expect: {method: GET, url: '/bookings?external=6F1C2A'}, reply: {json: {bookings: []}}}], error: {class: not_found}}
`

// TestALookUpThatTakesAnothersRecordIsFound: a look-up that trusts the system's filter takes the newest record for its own as
// soon as the system passes over the filter. One that compares does not; where the answer does not hold the key, a note says it.
func TestALookUpThatTakesAnothersRecordIsFound(t *testing.T) {
	t.Parallel()
	run := func(items, record string) []string {
		return disturbBooking(t, "create_booking/a look-up finds", asking, items, record, "")
	}
	require.Empty(t, run("${filter(body.bookings, .external == input.key)}", "{id: 7, external: 6F1C2A}"))
	found := strings.Join(run("${body.bookings}", "{id: 7, external: 6F1C2A}"), "\n")
	require.Contains(t, found, "acme.yaml: error: support.create_booking: a look-up finds what was written, and nothing else\n  fault:    the look-up answers the record of another write\n")
	require.Contains(t, found, "fault:    the look-up answers the record of another write in front of ours\n")
	require.Contains(t, found, `found:    it took the record of another write for its own: {"id":"77347"}`)
	require.Contains(t, found, "change:   compare what the look-up support.find_booking finds: items: '${filter(body.items, .key_field == input.key)}'")
	require.Contains(t, strings.Join(run("${body.bookings}", "{id: 7}"), "\n"), "acme.tests.yaml:2: note: support.create_booking: a look-up finds what was written, and nothing else\n")
}

// How the look-up of acme's booking asks: for the key, or for all bookings.
const (
	asking  = true
	listing = false
)

// disturbBooking disturbs the booking of acme with the faults that fit run, and gives what is found. Others are the records that
// the look-up answers where ours is not.
func disturbBooking(t *testing.T, run string, asks bool, items, record, others string) []string {
	t.Helper()
	file, played := fmt.Sprintf(bookingAdapter, items), strings.Replace(fmt.Sprintf(bookingTests, record), "bookings: []", "bookings: ["+others+"]", 1)
	if !asks {
		file, played = strings.Replace(file, ", query: {external: '${input.key}'}", "", 1), strings.ReplaceAll(played, "?external=6F1C2A", "")
		played = strings.Replace(played, "{name: none, operation: find_booking, input: {key: 6F1C2A}", "{name: none, operation: find_booking, input: {key: never-sent}", 1)
	}
	adapter, problems := adapters.Parse("acme.yaml", []byte(file), contracts.Catalog())
	require.Empty(t, problems.Error())
	tests, problems := conformance.Parse("acme.tests.yaml", []byte(played), adapter)
	require.Empty(t, problems.Error())
	report, err := conformance.Run(t.Context(), adapter, tests, regexp.MustCompile(run))
	require.NoError(t, err)
	var found []string
	for _, finding := range report.Findings {
		found = append(found, finding.String())
	}
	return found
}

// TestALookUpThatARecordWithoutAKeyStopsIsFound: what others wrote has no key of ours, and must not keep a write from being found.
func TestALookUpThatARecordWithoutAKeyStopsIsFound(t *testing.T) {
	t.Parallel()
	found := strings.Join(disturbBooking(t, "create_booking/a look-up finds", listing, "${filter(body.bookings, .external == input.key)}", "{id: 7, external: 6F1C2A}", ""), "\n")
	require.Contains(t, found, "fault:    the look-up comes upon a record without a key, in front of ours\n")
	require.Contains(t, found, `change:   let the field be missing in what support.find_booking looks through: (item.key_field ?? "") == input.key`)
	require.Empty(t, disturbBooking(t, "create_booking/a look-up finds", listing, `${filter(body.bookings, (.external ?? "") == input.key)}`, "{id: 7, external: 6F1C2A}", ""))
	require.Empty(t, disturbBooking(t, "create_booking/a look-up finds", asking, "${filter(body.bookings, .external == input.key)}", "{id: 7, external: 6F1C2A}", ""), "a system that was asked for the key has passed over it: what it means is not certain")
}

// TestWhatALookUpFindsLaterIsNotThereBefore: who records a look-up that finds nothing after the write was made has the record of
// the write in a list that is looked through; a write that was not made is not found in it.
func TestWhatALookUpFindsLaterIsNotThereBefore(t *testing.T) {
	t.Parallel()
	require.Empty(t, disturbBooking(t, "create_booking/a write happens once", listing, `${filter(body.bookings, (.external ?? "") == input.key)}`, "{id: 7, external: 6F1C2A}", "{id: 7, external: 6F1C2A}"))
}

// TestALookUpThatCannotTellLeavesTheWriteInDoubt: several records that fit are a question for a person, and no refusal.
func TestALookUpThatCannotTellLeavesTheWriteInDoubt(t *testing.T) {
	t.Parallel()
	text := strings.Replace(fmt.Sprintf(bookingAdapter, "${body.bookings}"), "    not_found: 'len(answer.items) == 0'\n    output: {id: '${text(answer.items[0].id)}'}", "    one: '${answer.items}'\n    output: {id: '${text(item.id)}'}", 1)
	adapter, problems := adapters.Parse("acme.yaml", []byte(text), contracts.Catalog())
	require.Empty(t, problems.Error())
	for status, want := range map[int]contracts.Class{200: contracts.OutcomeUnknown, 400: contracts.Drift, 402: contracts.Unavailable, 409: contracts.Unavailable, 403: contracts.Auth, 404: contracts.NotFound} {
		server := answering(t, status, `{"bookings": [{"id": 1}, {"id": 2}]}`)
		connection, err := adapter.Connect(adapters.Config{System: "acme", BaseURL: server, AllowHosts: []string{strings.TrimPrefix(server, "http://")}, Settings: rules.Record(nil), Shared: boundless{}})
		require.NoError(t, err)
		t.Cleanup(connection.Close)
		_, err = connection.Call(t.Context(), adapters.Call{Operation: "support.create_booking", Key: "k", Input: rules.Record(fields{"title": rules.Text("Late")}), FirstSent: time.Now().Add(-time.Hour)})
		failure := failureOf(t, err)
		require.Equal(t, want, failure.Class, "%d: %s", status, failure.Message)
		if status != 404 {
			require.False(t, failure.NothingSent)
			require.Contains(t, failure.Message, "it may have been carried out, and looking it up failed")
		}
	}
}

// TestALookUpThatIsTooLongLeavesTheWriteInDoubt: asked again it would be as long, and nobody would be told.
func TestALookUpThatIsTooLongLeavesTheWriteInDoubt(t *testing.T) {
	t.Parallel()
	text := strings.Replace(fmt.Sprintf(bookingAdapter, "${body.bookings}"), "query: {external: '${input.key}'},", "paging: {kind: page, send: page, size: 1, max_pages: 3},", 1)
	adapter, problems := adapters.Parse("acme.yaml", []byte(text), contracts.Catalog())
	require.Empty(t, problems.Error())
	var page atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"bookings": [{"id": %d}]}`, page.Add(1))
	}))
	t.Cleanup(server.Close)
	connection, err := adapter.Connect(adapters.Config{System: "acme", BaseURL: server.URL, AllowHosts: []string{strings.TrimPrefix(server.URL, "http://")}, Settings: rules.Record(nil), Shared: boundless{}})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	_, err = connection.Call(t.Context(), adapters.Call{Operation: "support.create_booking", Key: "k", Input: rules.Record(fields{"title": rules.Text("Late")}), FirstSent: time.Now().Add(-time.Hour)})
	failure := failureOf(t, err)
	require.Equal(t, contracts.OutcomeUnknown, failure.Class, failure.Message)
	require.Contains(t, failure.Message, "there are more than the 3 pages that are read")
}

// answering is a server that answers everything so.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
