package desk

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/workspace"
)

// TestDeputy: while somebody is away, the deputy may do what the absent may, and nobody else's.
func TestDeputy(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 8, 5, 12, 0, 0, 0, time.UTC)
	away := []workspace.Absence{{From: day.Add(-36 * time.Hour).Truncate(24 * time.Hour), To: day.Truncate(24 * time.Hour), Deputy: "dep@x.example"}}
	people := &workspace.People{Queues: []workspace.Queue{{Name: "contracts", Roles: []string{"lawyer"}}}, Users: []workspace.User{
		{Email: "away@x.example", Roles: []string{"lawyer"}, Absent: away}, {Email: "dep@x.example", Roles: []string{"agent"}}, {Email: "other@x.example", Roles: []string{"agent"}},
	}}
	byRole, mine := &store.Task{Role: "lawyer"}, &store.Task{Queue: "elsewhere", Assignee: "away@x.example"}
	for _, test := range []struct {
		who  string
		day  time.Time
		may  bool
		asks []string
	}{
		{"dep@x.example", day, true, []string{"contracts"}},
		{"dep@x.example", day.Add(24 * time.Hour), false, nil},
		{"other@x.example", day, false, nil},
	} {
		who := personOf(people.User(test.who), people, "", test.day).actor()
		require.Equal(t, test.may, who.May(byRole), "%s on %s", test.who, test.day)
		require.Equal(t, test.may, who.May(mine))
		require.Equal(t, test.asks, who.Queues)
		require.False(t, who.All)
	}
}
