package worker

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/workspace"
)

// people answers who can take a task: the workspace knows skills and absences, the store knows the load.
type people struct {
	list func() *workspace.People
	load func(context.Context) (map[string]int, error)
}

// Execute lists the people of a queue: those who are here before those who are absent, the least loaded first.
func (p people) Execute(ctx context.Context, call adapters.Call) (activities.Result, error) {
	known := p.list()
	queue := known.Queue(call.Input.Get("queue").Text())
	if queue == nil {
		queue = &workspace.Queue{Name: call.Input.Get("queue").Text()}
	}
	load, err := p.load(ctx)
	if err != nil {
		return activities.Result{}, &contracts.Error{Class: contracts.Unavailable, Operation: call.Operation, Message: err.Error(), NothingSent: true}
	}
	var agents []agent
	for i := range known.Users {
		if user := &known.Users[i]; user.Serves(queue) {
			agents = append(agents, agentOf(user, call.Input, load))
		}
	}
	slices.SortStableFunc(agents, agent.before)
	items := make([]rules.Value, len(agents))
	for i, a := range agents {
		items[i] = a.record()
	}
	return activities.Result{Value: rules.Record(map[string]rules.Value{"agents": rules.List(items...)})}, nil
}

type agent struct {
	name, email             string
	skilled, speaks, absent bool
	open                    int
}

func agentOf(user *workspace.User, asked rules.Value, load map[string]int) agent {
	skill, language := asked.Get("skill"), asked.Get("language")
	day := asked.Get("on").Time()
	if day.IsZero() {
		day = time.Now().UTC()
	}
	return agent{
		name: user.Name, email: user.Email,
		skilled: skill.IsMissing() || slices.Contains(user.Skills, skill.Text()),
		speaks:  language.IsMissing() || slices.Contains(user.Languages, language.Text()),
		absent:  user.AbsentOn(day), open: load[user.Email],
	}
}

func (a agent) before(b agent) int {
	if a.absent != b.absent {
		if b.absent {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.open, b.open), strings.Compare(a.email, b.email))
}

func (a agent) record() rules.Value {
	return rules.Record(map[string]rules.Value{
		"name": rules.Text(a.name), "email": rules.Text(a.email), "skilled": rules.Bool(a.skilled), "speaks": rules.Bool(a.speaks),
		"absent": rules.Bool(a.absent), "open_tasks": rules.Number(rules.Int(int64(a.open))),
	})
}
