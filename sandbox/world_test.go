package sandbox

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var testDay = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func TestWorldFollowsFromTheSeed(t *testing.T) {
	t.Parallel()
	picture := func(seed uint64) string {
		w := NewWorld(seed, testDay)
		b, err := json.Marshal([]any{w, w.Complaints(64, 5), w.DemoComplaints()})
		require.NoError(t, err)
		return string(b)
	}
	require.Equal(t, picture(1), picture(1))
	require.NotEqual(t, picture(1), picture(2))
}

func TestWorldIsBigAndConsistent(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 77} {
		w := NewWorld(seed, testDay)
		require.GreaterOrEqual(t, len(w.Customers), 300)
		require.GreaterOrEqual(t, len(w.Invoices), 2000)
		require.Len(t, w.Articles, 42)
		ids := map[string]bool{}
		fresh := func(id string) {
			require.False(t, ids[id], "identifier %s occurs twice", id)
			ids[id] = true
		}
		for _, c := range w.Customers {
			for _, id := range []string{c.ContactID, c.StripeID, fmt.Sprint(c.UserID)} {
				if id != "" && id != "0" {
					fresh(id)
				}
			}
		}
		for _, o := range w.Orders {
			fresh(o.Number)
			fresh(fmt.Sprint(o.ID))
			_, ok := w.Customer(o.Customer)
			require.True(t, ok)
		}
		for _, v := range w.Invoices {
			fresh(v.ID)
			fresh(v.Number)
			o, ok := w.Order(v.OrderNumber)
			require.True(t, ok)
			require.Len(t, v.Lines, len(o.Lines))
			for i, l := range v.Lines {
				require.Equal(t, o.Lines[i].SKU, l.SKU)
				require.Equal(t, o.Lines[i].Price*int64(l.Quantity), l.Amount)
			}
		}
		for _, p := range w.Parcels {
			fresh(p.Number)
			_, ok := w.Order(p.OrderNumber)
			require.True(t, ok)
		}
	}
}

func TestComplaintsCoverEveryTurn(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 77, 4711} {
		w := NewWorld(seed, testDay)
		list := w.Complaints(64, seed)
		require.Len(t, list, 64)
		ends, channels, languages, senders := map[End]int{}, map[string]int{}, map[string]int{}, map[Sender]int{}
		for _, c := range list {
			ends[c.Truth.End]++
			channels[c.Channel]++
			languages[c.Language]++
			senders[c.From]++
			require.NotContains(t, c.Text, "{")
			require.NotEmpty(t, c.From)
		}
		for _, end := range Ends() {
			require.GreaterOrEqual(t, ends[end], 2, "seed %d, end %s", seed, end)
		}
		for _, channel := range Channels {
			require.GreaterOrEqual(t, channels[channel], 8, "seed %d, channel %s", seed, channel)
		}
		require.Len(t, languages, 5)
		require.Len(t, senders, 64)
	}
}

// Each story was built for an end; the policy, which reads the records only, must come to the same.
func TestStoriesAgreeWithThePolicy(t *testing.T) {
	t.Parallel()
	byPerson := map[End]End{
		EndUnknownCustomer: "", EndAmbiguousCustomer: EndReplace, EndSharedAddress: EndReplace, EndOnSeveral: EndReplace, EndTwoProducts: EndReplace,
	}
	for seed := range uint64(12) {
		w := NewWorld(seed, testDay)
		for _, s := range w.stories {
			want, chosen := byPerson[s.end]
			switch {
			case s.end == EndUnknownCustomer, s.bought == nil:
			case chosen:
				require.Equal(t, want, s.verdict.end, "seed %d, %s", seed, s.end)
			default:
				require.Equal(t, s.end, s.verdict.end, "seed %d, order %s", seed, s.bought.order.Number)
			}
		}
	}
}

func TestDemoShowsEveryChannel(t *testing.T) {
	t.Parallel()
	list := NewWorld(3, testDay).DemoComplaints()
	require.Len(t, list, 10)
	channels := map[string]bool{}
	for _, c := range list {
		channels[c.Channel] = true
	}
	require.Len(t, channels, 4)
}

func TestAddMonths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to string }{
		{"2024-01-31", "2024-02-29"}, {"2025-01-31", "2025-02-28"}, {"2024-12-15", "2025-01-15"},
	} {
		from, err := time.Parse(time.DateOnly, c.from)
		require.NoError(t, err)
		require.Equal(t, c.to, addMonths(from, 1).Format(time.DateOnly))
	}
}

// What a customer says must lead to one line of his: no other purchase of his is of that model or kind.
func TestComplaintsAreClear(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 77} {
		w := NewWorld(seed, testDay)
		for _, s := range append(append([]story{}, w.stories...), w.contented...) {
			if s.bought == nil || s.customer == nil || s.end == EndOnSeveral {
				continue
			}
			a, _ := w.Article(s.bought.order.Lines[s.line].SKU)
			same := 0
			for _, o := range w.Orders {
				for _, l := range o.Lines {
					b, _ := w.Article(l.SKU)
					if o.Customer == s.customer.ID && (family(b) == family(a) || b.Kind == a.Kind) {
						same++
					}
				}
			}
			require.Equal(t, 1, same, "seed %d, %s, order %s", seed, s.end, s.bought.order.Number)
		}
	}
}
