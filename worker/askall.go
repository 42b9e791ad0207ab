package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// askedAtOnce is how many cases a sweeper asks at once.
const askedAtOnce = 32

// askAll asks many cases for a sweeper, some at once. Where no worker is, an ask takes until its time is over: when some
// were asked and none could say anything in time, the others are left to the next round, so that a round takes about as
// long as one ask, however many there are. The order of the cases is another one in each round: cases that never say anything do
// not keep a round from the others for good. What one case is asked keeps its order.
func askAll[T any](ctx context.Context, list []T, caseOf func(T) string, ask func(T) error) error {
	all := byCase(list, caseOf)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var errs []error
	for asked := 0; asked < len(all) && ctx.Err() == nil; {
		some := all[asked:min(asked+askedAtOnce, len(all))]
		asked += len(some)
		said := make([]error, len(some))
		var group sync.WaitGroup
		for i, one := range some {
			group.Go(func() { said[i] = askOne(ctx, one, ask) })
		}
		group.Wait()
		errs = append(errs, said...)
		if left := len(all) - asked; left > 0 && !slices.ContainsFunc(said, func(err error) bool { return !outOfTime(err) }) {
			errs = append(errs, fmt.Errorf("worker: none of %d cases said anything in time; %d more are asked in the next round", len(some), left))
			break
		}
	}
	return errors.Join(errs...)
}

// byCase puts together what is asked of the same case, in the order in which it stands in the list.
func byCase[T any](list []T, caseOf func(T) string) [][]T {
	var all [][]T
	at := map[string]int{}
	for _, one := range list {
		i, known := at[caseOf(one)]
		if !known {
			i = len(all)
			at[caseOf(one)], all = i, append(all, nil)
		}
		all[i] = append(all[i], one)
	}
	return all
}

// askOne asks one case all that it is to be asked, one after the other. One that says nothing in time is asked no more in
// this round: nothing may overtake what it has not heard.
func askOne[T any](ctx context.Context, list []T, ask func(T) error) error {
	var errs []error
	for i, one := range list {
		if i > 0 && ctx.Err() != nil {
			break
		}
		err := ask(one)
		if outOfTime(err) {
			return errors.Join(append([]error{err}, errs...)...)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// outOfTime says that nobody answered an Update as long as it was waited for.
func outOfTime(err error) bool {
	var update *client.WorkflowUpdateServiceTimeoutOrCanceledError
	var server *serviceerror.DeadlineExceeded
	return errors.As(err, &update) || errors.As(err, &server) || errors.Is(err, context.DeadlineExceeded)
}
