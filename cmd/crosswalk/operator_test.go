package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/telemetry"
	"crosswalk/workspace"
)

func TestQueuesThatNobodyDescribedAreOneFigure(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	tasks := []store.QueueAge{{Open: 1, Oldest: first}, {Queue: "support", Open: 2, Oldest: first}, {Queue: "repair", Open: 3, Oldest: first},
		{Queue: "from the input", Open: 4, Oldest: first.Add(time.Hour)}, {Queue: "another", Open: 5, Oldest: first}, {Queue: "a third", Open: 6, Oldest: first.Add(time.Minute)}}
	for name, c := range map[string]struct {
		people *workspace.People
		want   map[string]telemetry.Queue
	}{
		"described":        {&workspace.People{Queues: []workspace.Queue{{Name: "support"}}}, map[string]telemetry.Queue{"": {Open: 1, Oldest: first}, "support": {Open: 2, Oldest: first}, "repair": {Open: 3, Oldest: first}, "other": {Open: 15, Oldest: first}}},
		"nobody described": {nil, map[string]telemetry.Queue{"": {Open: 1, Oldest: first}, "repair": {Open: 3, Oldest: first}, "other": {Open: 17, Oldest: first}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, queues(tasks, c.people))
		})
	}
}
