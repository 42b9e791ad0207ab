package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTwoOfEachAtOnce: two intakes, two desks and two workers on one PostgreSQL. What comes to both intakes in the same
// moment is one case, and what is answered at both desks in the same moment has one answer; who came second is told.
func TestTwoOfEachAtOnce(t *testing.T) {
	t.Parallel()
	const count = 4
	c := newCluster(t, 4)
	first, second := freeAddress(t), freeAddress(t)
	intake, another := c.role(binary, "intake", "--listen", first), c.role(binary, "intake", "--listen", second)
	elsewhere := freeAddress(t)
	desk := c.role(binary, "desk", "--listen", elsewhere)
	for _, p := range []*process{c.role(binary, "worker"), c.role(binary, "worker"), intake, another, desk} {
		p.awaitReady(t)
	}
	at := func(listen string, intake *process) *world {
		other := *c.world
		if other.listen = listen; intake != nil {
			var where struct{ Mail []string }
			intake.told(t, &where)
			other.mail = where.Mail[0]
		}
		return &other
	}
	intakes, desks := []*world{at(first, intake), at(second, another)}, []*world{c.world, at(elsewhere, nil)}
	twice := func(do func(i int)) {
		var both sync.WaitGroup
		for i := range 2 {
			both.Go(func() { do(i) })
		}
		both.Wait()
	}

	complaints := c.mailed(2 * count)
	var all []string
	for i, m := range complaints {
		if i%2 == 0 {
			message, failed := newID(), [2]error{}
			twice(func(one int) { failed[one] = intakes[one].send(m, message) })
			require.Equal(t, [2]error{}, failed)
			all = append(all, c.onlyCase(m.From.Email))
			continue
		}
		cases, failed := [2]string{}, [2]error{}
		twice(func(one int) { cases[one], failed[one] = intakes[one].social(m, fmt.Sprint(2000+i), "") })
		require.Equal(t, [2]error{}, failed)
		require.Equal(t, cases[0], cases[1])
		all = append(all, cases[0])
	}
	require.ElementsMatch(t, all, c.allCases())

	for _, id := range all {
		_, task := c.awaitTask(id, "complete")
		require.GreaterOrEqual(t, len(task.Payload.Outcomes), 2)
		failed := [2]error{}
		twice(func(one int) {
			outcome := task.Payload.Outcomes[one]
			failed[one] = desks[one].ask(http.MethodPost, "/api/tasks/"+task.ID+"/answer", map[string]any{"outcome": outcome, "version": task.Version,
				"answer": map[string]any{"outcome": outcome, "note": "as the customer wishes"}}, nil)
		})
		winner := 0
		if failed[0] != nil {
			winner = 1
		}
		require.NoError(t, failed[winner])
		require.ErrorContains(t, failed[1-winner], "409", "who came second is told")
		d := c.await(id, "has ended", caseDetail.ended)
		require.Equal(t, task.Payload.Outcomes[winner], d.Case.Outcome)
	}
	c.oneTicketEach(all)
}
