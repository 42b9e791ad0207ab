package worker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/worker"
)

const timed = `
calendars: {never: {zone: Europe/Berlin, hours: 'Mon-Sun 00:00-24:00', holidays: never.csv}}
schedules:
  often: {every: 1s, starts: note, with: {text: 'of ${schedule.name} on ${schedule.date}'}}
  holiday: {every: 1s, calendar: never, working_days: true, starts: note, with: {text: never}}
  yearly: {cron: '0 7 1 Jan *', calendar: never, starts: note, with: {text: new year}}
pollers:
  arrivals:
    every: 1s
    call: people.list_agents
    with: {queue: '${cursor == missing ? "front-desk" : "front-desk"}', on: 2026-03-01}
    items: '${result.agents}'
    id: '${item.email}'
    cursor: '${item.email}'
    each: {event: arrived, key: '${item.name}', with: {email: '${item.email}'}}
`

// everyDay makes every day a holiday.
func everyDay() string {
	var csv strings.Builder
	csv.WriteString("date,name\n")
	for day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == 2024; day = day.AddDate(0, 0, 1) {
		csv.WriteString(day.Format("01-02") + ",free\n")
	}
	return csv.String()
}

func (h *house) save(name, text string) {
	h.t.Helper()
	require.NoError(h.t, os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600))
}

func (h *house) cases(useCase string) []store.Case {
	h.t.Helper()
	found, err := h.store.Cases(h.t.Context(), store.CaseFilter{UseCases: []string{useCase}, Oldest: true})
	require.NoError(h.t, err)
	return found
}

func TestSchedulesAndPollers(t *testing.T) {
	h := newHouse(t)
	h.save("never.csv", everyDay())
	h.save("usecases/note.yaml", "usecase: note\ninput: {text: {type: string, required: true}}\nsteps:\n  - {end: {outcome: '${input.text}'}}\n")
	h.save("usecases/greet.yaml", "usecase: greet\ninput: {name: {type: string, required: true}}\nevents: {arrived: {email: {type: string, required: true}}}\n"+
		"steps:\n  - {id: came, wait: {event: arrived, key: '${input.name}'}}\n  - {end: {outcome: '${came.email}'}}\n")
	h.save("crosswalk.yaml", files["crosswalk.yaml"]+timed)
	h.publish()
	h.work()
	waits := h.begin("greet", `{"name": "Ada"}`)
	require.Equal(t, "ada@example.com", h.result(waits).Outcome, "the poller told the event")
	late := h.begin("greet", `{"name": "Ben"}`)
	require.Equal(t, "ben@example.com", h.result(late).Outcome, "the event was kept")
	until := func(what string, holds func() bool) {
		t.Helper()
		require.Eventually(t, holds, time.Minute, 50*time.Millisecond, what)
	}
	until("the schedule starts cases", func() bool { return len(h.cases("note")) >= 3 })
	for _, one := range h.cases("note") {
		outcome := h.result(one).Outcome
		require.Regexp(t, `^of often on \d{4}-\d\d-\d\d$`, outcome, "nothing starts on a holiday")
	}
	events, err := h.store.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	require.Len(t, events, 2, "what was polled before is not told again")

	timers := worker.NewTimers(h.client, h.store)
	list, err := timers.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 4)
	byName := map[string]worker.TimerView{}
	for _, one := range list {
		byName[one.Name] = one
	}
	require.Equal(t, "every 1s", byName["often"].When)
	require.Equal(t, "starts note", byName["often"].Does)
	require.Equal(t, "0 7 1 Jan * Europe/Berlin", byName["yearly"].When)
	require.Equal(t, 7, byName["yearly"].Next.In(berlin(t)).Hour())
	require.Equal(t, "poller", byName["arrivals"].Kind)
	require.Equal(t, "ben@example.com", byName["arrivals"].Cursor)

	// Paused, it starts nothing by itself, and by hand it does; a new version of the workspace leaves it paused.
	require.NoError(t, timers.Act(t.Context(), "often", "pause", "ann", "too many"))
	until("it comes to rest", func() bool {
		list, err := timers.List(t.Context())
		require.NoError(t, err)
		return list[0].Paused && list[0].Runs == len(h.cases("note"))
	})
	h.save("crosswalk.yaml", files["crosswalk.yaml"]+strings.Replace(timed, "of ${schedule.name}", "again ${schedule.name}", 1))
	h.publish()
	require.NoError(t, h.worker.Refresh(t.Context()))
	before := len(h.cases("note"))
	require.NoError(t, timers.Act(t.Context(), "often", "trigger", "ann", ""))
	until("it was triggered", func() bool { return len(h.cases("note")) == before+1 })
	require.Contains(t, h.result(h.cases("note")[before]).Outcome, "again often")
	list, err = timers.List(t.Context())
	require.NoError(t, err)
	require.True(t, list[0].Paused)
	require.Equal(t, "ann: too many", list[0].Note)
	recent := list[0].Recent
	require.GreaterOrEqual(t, len(recent), 3)
	require.LessOrEqual(t, len(recent), 5)
	require.Equal(t, list[0].Last, recent[0].At)
	require.True(t, recent[0].At.After(recent[len(recent)-1].At), "the newest first")
	require.Equal(t, "completed", recent[len(recent)-1].Outcome)
	require.NoError(t, timers.Act(t.Context(), "often", "resume", "ann", ""))
	until("it goes on", func() bool { return len(h.cases("note")) > before+2 })
	require.ErrorIs(t, timers.Act(t.Context(), "nothing", "pause", "ann", ""), worker.ErrNoTimer)

	// What the workspace does not have any more goes.
	h.save("crosswalk.yaml", files["crosswalk.yaml"])
	h.publish()
	until("they are gone", func() bool {
		list, err := timers.List(t.Context())
		require.NoError(t, err)
		return len(list) == 0
	})
	until("Temporal has none either", func() bool {
		known, err := h.store.Meta(t.Context(), "timers")
		require.NoError(t, err)
		return known == "null"
	})
}

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	return zone
}

const poisoned = `
pollers:
  arrivals:
    every: 1s
    call: people.list_agents
    with: {queue: '${cursor == missing ? "front-desk" : "nobody"}', on: 2026-03-01}
    items: '${result.agents}'
    id: '${item.email}'
    cursor: '${item.email}'
    each: {event: arrived, key: 'KEY', with: {email: '${item.email}'}}
`

// An item that nothing can be done with holds up neither the others nor what comes later, and is not lost: it is done when the
// workspace knows what to do with it.
func TestPollerPutsAsideWhatItCannotUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.save("usecases/greet.yaml", "usecase: greet\ninput: {name: {type: string, required: true}}\nevents: {arrived: {email: {type: string, required: true}}}\n"+
		"steps:\n  - {id: came, wait: {event: arrived, key: '${input.name}'}}\n  - {end: {outcome: '${came.email}'}}\n")
	of := func(key string) string { return files["crosswalk.yaml"] + strings.Replace(poisoned, "KEY", key, 1) }
	h.save("crosswalk.yaml", of(`${item.name == "Ada" ? "" : item.name}`))
	h.publish()
	h.work()
	timers := worker.NewTimers(h.client, h.store)
	until := func(what string, holds func(worker.TimerView) bool) {
		t.Helper()
		require.Eventually(t, func() bool {
			list, err := timers.List(t.Context())
			require.NoError(t, err)
			return len(list) == 1 && holds(list[0])
		}, time.Minute, 50*time.Millisecond, what)
	}
	told := func() (keys []string) {
		t.Helper()
		events, err := h.store.Events(t.Context(), store.EventFilter{})
		require.NoError(t, err)
		for _, event := range events {
			keys = append(keys, event.Key)
		}
		return keys
	}
	until("it goes on behind what it cannot use, and says so again and again", func(v worker.TimerView) bool {
		return v.Cursor == "ben@example.com" && v.Runs > 2 && strings.Contains(v.Problem, "ada@example.com: ") && strings.Contains(v.Problem, "an event without a key")
	})
	require.Equal(t, []string{"Ben"}, told())

	h.save("crosswalk.yaml", of("${item.name}"))
	h.publish()
	until("it is done once the workspace is mended", func(v worker.TimerView) bool { return v.Outcome == "completed" && v.Problem == "" })
	require.Equal(t, []string{"Ada", "Ben"}, told())
}

const rewound = `
pollers:
  arrivals:
    every: 1s
    call: people.list_agents
    with: {queue: '${cursor == missing ? "front-desk" : "nobody"}', on: '${cursor == missing ? date("2026-03-01") : date(cursor)}'}
    items: '${result.agents}'
    id: '${item.email}'
    cursor: '${item.email}'
    each: {event: arrived, key: '${item.name}', with: {email: '${item.email}'}}
`

func TestPollerBeginsAnew(t *testing.T) {
	h := newHouse(t)
	h.save("usecases/greet.yaml", "usecase: greet\ninput: {name: {type: string, required: true}}\nevents: {arrived: {email: {type: string, required: true}}}\n"+
		"steps:\n  - {id: came, wait: {event: arrived, key: '${input.name}'}}\n  - {end: {outcome: '${came.email}'}}\n")
	h.save("crosswalk.yaml", files["crosswalk.yaml"]+rewound)
	h.publish()
	h.work()
	timers := worker.NewTimers(h.client, h.store)
	until := func(what string, holds func(worker.TimerView) bool) {
		t.Helper()
		require.Eventually(t, func() bool {
			list, err := timers.List(t.Context())
			require.NoError(t, err)
			return len(list) == 1 && holds(list[0])
		}, time.Minute, 50*time.Millisecond, what)
	}
	failsAt := func(cursor string) func(worker.TimerView) bool {
		return func(v worker.TimerView) bool {
			return v.Cursor == cursor && v.Outcome == "failed" && strings.Contains(v.Problem, "the text is not a date")
		}
	}
	until("what the system says is shown", failsAt("ben@example.com"))

	// A cursor that was another field's says nothing.
	h.save("crosswalk.yaml", files["crosswalk.yaml"]+strings.Replace(rewound, "cursor: '${item.email}'", "cursor: '${item.name}'", 1))
	h.publish()
	until("it began anew", failsAt("Ben"))

	require.NoError(t, timers.Act(t.Context(), "arrivals", "pause", "ann", ""))
	until("it rests", func(v worker.TimerView) bool { return v.Paused && v.Outcome == "failed" })
	require.NoError(t, timers.Act(t.Context(), "arrivals", "rewind", "ann", ""))
	until("the cursor is gone", func(v worker.TimerView) bool { return v.Cursor == "" })
	require.NoError(t, timers.Act(t.Context(), "arrivals", "trigger", "ann", ""))
	until("it read from the beginning", func(v worker.TimerView) bool {
		return v.Cursor == "Ben" && v.Outcome == "completed" && v.Problem == ""
	})
	events, err := h.store.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	require.Len(t, events, 2, "nothing was told twice")
}
