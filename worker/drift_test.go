package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/store"
)

func TestAnswersThatAreNotAsBeforeAreCounted(t *testing.T) {
	t.Parallel()
	opened, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	d := newDrift(opened, slog.New(slog.DiscardHandler))
	d.now = func() time.Time { return at }
	see := func(text string) {
		value, err := rules.FromJSON([]byte(text))
		require.NoError(t, err)
		at = at.Add(2 * time.Second)
		d.see("crm", "adapter:hubspot", "crm.find_customer", value, func(name string) []string {
			if name == "email" {
				return []string{"mail"}
			}
			return nil
		})
	}
	for i := range learnFrom {
		see(fmt.Sprintf(`{"total": 2, "results": [{"id": %d, "email": "jane@example.com", "company": "X"}, {"id": 8, "email": "jo@example.com", "note": null}], "byMail": {"jane@example.com": 1}}`, i))
	}
	changed := func() []string {
		rows, err := opened.ChangedFields(t.Context(), "crm")
		require.NoError(t, err)
		var all []string
		for _, row := range rows {
			all = append(all, fmt.Sprintf("%s %s %s %d %s", row.What, row.Field, row.Kinds, row.Counted, row.Feeds))
		}
		return all
	}
	require.Empty(t, changed())
	see(`{"total": 0, "results": [], "byMail": {"jo@example.com": 2}}`) // nothing is missing of what is not there
	require.Empty(t, changed())
	see(`{"total": "2", "results": [{"id": 7, "mail": "jane@example.com", "company": "X"}], "byMail": {}}`)
	see(`{"total": "2", "results": [{"id": 7, "mail": "jane@example.com"}], "byMail": {}}`)
	require.Equal(t, []string{"missing results[].email text 2 mail", "new results[].mail text 2 ", "retyped total text instead of number 2 "}, changed())

	for range 3 { // written down once in a while, all counted
		at = at.Add(sampleEvery / 2)
		d.unfit("crm", "adapter:hubspot", "crm.find_customer", "phones[2].number", "is missing")
	}
	at = at.Add(sampleEvery)
	d.unfit("crm", "adapter:hubspot", "crm.find_customer", "phones[0].number", "is missing")
	require.Equal(t, "missing output.phones[].number  4 number", changed()[0])

	all, err := opened.AnswerFields(t.Context(), "crm", "adapter:hubspot", "crm.find_customer")
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprint(all), "jane@example.com", "no value and no name that is data")

	require.NoError(t, opened.LearnAnew(t.Context(), "crm"))
	at = at.Add(readAgain)
	for range learnFrom + 1 {
		see(`{"total": "2", "results": [{"id": 7, "mail": "jane@example.com"}], "byMail": {}}`)
	}
	require.Empty(t, changed())
}

// stuckStore answers nobody until it is let go.
type stuckStore struct{ asked, letGo chan struct{} }

func (s stuckStore) wait() {
	s.asked <- struct{}{}
	<-s.letGo
}

func (s stuckStore) AnswerFields(context.Context, string, string, string) ([]store.AnswerField, error) {
	s.wait()
	return nil, nil
}

func (s stuckStore) AddAnswerFields(context.Context, []store.AnswerField) error {
	s.wait()
	return nil
}

func TestNoCallWaitsWhileAnAnswerIsLookedAt(t *testing.T) {
	t.Parallel()
	stuck := stuckStore{asked: make(chan struct{}, 10), letGo: make(chan struct{})}
	d := newDrift(stuck, slog.New(slog.DiscardHandler))
	at := time.Now()
	d.now = func() time.Time { return at } // so that no second sample is due meanwhile
	var group sync.WaitGroup
	group.Go(func() { d.see("crm", "adapter:hubspot", "crm.find_customer", rules.Text("x"), nil) })
	<-stuck.asked
	group.Go(func() { d.unfit("crm", "adapter:hubspot", "crm.find_customer", "name", "is missing") })
	<-stuck.asked
	d.see("crm", "adapter:hubspot", "crm.find_customer", rules.Text("x"), nil)   // would wait for ever
	d.unfit("crm", "adapter:hubspot", "crm.find_customer", "name", "is missing") // counted, written down later
	group.Go(func() { d.see("orders", "adapter:woocommerce", "orders.get_order", rules.Text("x"), nil) })
	<-stuck.asked // nothing holds up another operation
	close(stuck.letGo)
	group.Wait()
}
