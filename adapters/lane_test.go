package adapters

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// No window of a limit's length holds more than the limit says, whatever comes when; and where there is always somebody
// who waits, the rate is the limit's to the half of a percent.
func TestALaneKeepsItsRate(t *testing.T) {
	t.Parallel()
	for _, limit := range []Limit{{Requests: 1, Per: time.Second}, {Requests: 5, Per: time.Second}, {Requests: 50, Per: time.Second}, {Requests: 20, Per: time.Minute},
		{Requests: 400, Per: time.Minute}, {Requests: 700, Per: time.Minute}, {Requests: 5000, Per: time.Hour}} {
		var l lane
		var given []int64
		per := limit.Per.Microseconds()
		for now := int64(1e15); len(given) < 6*limit.Requests; {
			now = max(now, l.take(limit, now))
			given = append(given, now)
			if len(given)%(2*limit.Requests) == limit.Requests/2 {
				now += per / 3 // a pause, after which some may come at once
			}
		}
		for i := limit.Requests; i < len(given); i++ {
			require.GreaterOrEqual(t, given[i]-given[i-limit.Requests], per, "%+v: %d", limit, i)
		}
		var busy lane
		begin := int64(1e15)
		count := 0
		for at := begin; at < begin+20*per; count++ {
			at = busy.take(limit, begin)
		}
		require.InEpsilon(t, 20*limit.Requests, count, 0.005+1.5/float64(20*limit.Requests), "%+v", limit)
		require.LessOrEqual(t, len(busy.Grants), granules+2)
	}
}

// A call that is told to come later comes when it can be served, in the order of asking, and nobody goes before it.
func TestTurns(t *testing.T) {
	t.Parallel()
	var q queue
	const second = int64(1e6)
	patience := 2 * time.Second
	require.Equal(t, 3*time.Second, q.promise("a", 0, 3*second, second))
	require.Equal(t, 3900*time.Millisecond, q.promise("b", 0, 3*second, second))
	require.Equal(t, 3*time.Second, q.promised("a", 0, patience), "asked again too early: the same turn")
	require.Equal(t, 4800*time.Millisecond, q.promised("c", 0, patience), "who comes new comes last")
	require.Zero(t, q.promised("a", 3*second, patience))
	q.served("a")
	require.Zero(t, q.promised("", 0, patience), "one without a name is not told to wait")
	require.Equal(t, time.Second, q.promise("b", 4*second, 5*second, second), "who was there when others were served comes next")
	require.Zero(t, q.promised("new", 10*second, patience))
}

func TestPlacesAreShared(t *testing.T) {
	t.Parallel()
	now := time.Now()
	holders := map[string]placeHolder{}
	require.Equal(t, 5, share(holders, "a", 5, 0, 1, now), "who is alone has all")
	require.Equal(t, 0, share(holders, "b", 5, 0, 3, now))
	require.Equal(t, 2, share(holders, "a", 5, 4, 6, now), "as soon as another wants some, only a share is filled again")
	require.Equal(t, 1, share(holders, "b", 5, 0, 3, now), "what is in use elsewhere is not given away")
	require.Equal(t, 2, share(holders, "a", 5, 1, 6, now))
	require.Equal(t, 2, share(holders, "b", 5, 1, 3, now))
	require.Equal(t, 5, share(holders, "b", 5, 1, 3, now.Add(placesFor+time.Second)), "a process that is gone gives its places back")
	require.Equal(t, 0, share(holders, "b", 5, 0, 0, now.Add(placesFor+time.Second)))
	require.Empty(t, holders)

	require.Equal(t, 1, share(holders, "a", 1, 0, 1, now))
	require.Equal(t, 0, share(holders, "b", 1, 0, 1, now))
	require.Equal(t, 0, share(holders, "a", 1, 1, 2, now), "one place for two: they take turns")
	require.Equal(t, 0, share(holders, "a", 1, 0, 2, now))
	require.Equal(t, 1, share(holders, "b", 1, 0, 1, now))
}

func TestDrainSpacing(t *testing.T) {
	t.Parallel()
	require.Equal(t, drainFirst, drainSpacing(-time.Second))
	require.Equal(t, drainFirst, drainSpacing(0))
	require.Equal(t, drainFirst/4, drainSpacing(2*drainStep))
	require.Zero(t, drainSpacing(drainFor))
}
