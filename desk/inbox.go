package desk

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"crosswalk/store"
)

// How lists are cut into pages.
const (
	pageSize = 50
	maxPage  = 10_000
)

// inboxData is what the inbox shows.
type inboxData struct {
	Tasks  []taskRow
	Queues []store.QueueCount
	Filter inboxFilter
	More   string // address of the next page
	Total  int
}

// taskRow is a task with the case that it belongs to.
type taskRow struct {
	store.Task
	Case store.Case
}

// inboxFilter is the form above the inbox.
type inboxFilter struct {
	Text, Queue, Mine, Kind, Due, State string
	Page                                int
}

func readInboxFilter(r *http.Request) inboxFilter {
	q := r.URL.Query()
	n, _ := strconv.Atoi(q.Get("page"))
	return inboxFilter{Text: strings.TrimSpace(q.Get("q")), Queue: q.Get("queue"), Mine: q.Get("mine"), Kind: q.Get("kind"), Due: q.Get("due"), State: q.Get("state"), Page: min(max(0, n), maxPage)}
}

func (f inboxFilter) tasks(who person) store.TaskFilter {
	actor := who.actor()
	filter := store.TaskFilter{Visible: &actor, Open: true, Text: f.Text, Limit: pageSize + 1, Offset: f.Page * pageSize}
	if f.State == "closed" {
		filter.Open, filter.States = false, []store.TaskState{store.TaskAnswered, store.TaskSuperseded, store.TaskCancelled}
	}
	if f.Queue != "" {
		filter.Queues = []string{f.Queue}
	}
	if f.Kind != "" {
		filter.Kinds = []store.TaskKind{store.TaskKind(f.Kind)}
	}
	switch f.Mine {
	case "yes":
		filter.Person = who.login
	case "free":
		filter.Unclaimed = true
	}
	switch f.Due {
	case "late":
		filter.DueBefore = time.Now()
	case "today":
		filter.DueBefore = time.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	return filter
}

func (d *Desk) inbox(w http.ResponseWriter, r *http.Request, who person) error {
	filter := readInboxFilter(r)
	tasks, err := d.Store.Tasks(r.Context(), filter.tasks(who))
	if err != nil {
		return err
	}
	actor := who.actor()
	queues, err := d.Store.CountTasks(r.Context(), store.TaskFilter{Visible: &actor, Open: true})
	if err != nil {
		return err
	}
	data := inboxData{Queues: queues, Filter: filter}
	for _, q := range queues {
		data.Total += q.Open
	}
	tasks, data.More = nextPage(r, tasks, filter.Page)
	for _, task := range tasks {
		of, err := d.Store.Case(r.Context(), task.CaseID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		data.Tasks = append(data.Tasks, taskRow{task, of})
	}
	return d.render(w, http.StatusOK, "inbox", page{Title: "Inbox", Person: who, Here: "inbox", Data: data})
}

// nextPage cuts the item that was fetched only to see whether there is more.
func nextPage[T any](r *http.Request, items []T, n int) ([]T, string) {
	if len(items) <= pageSize {
		return items, ""
	}
	q := r.URL.Query()
	q.Set("page", strconv.Itoa(n+1))
	return items[:pageSize], r.URL.Path + "?" + q.Encode()
}
