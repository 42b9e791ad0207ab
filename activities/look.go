package activities

import (
	"context"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// Look reads something from a system for nobody's case: for a poller. It takes the ways that programs serve, in order,
// and goes on to the next one if one is down.
func (a *Activities) Look(ctx context.Context, system string, operation *contracts.Operation, input rules.Value) (rules.Value, error) {
	state, err := a.Store.SystemState(ctx, system)
	if err != nil {
		return rules.Value{}, err
	}
	if state.Paused {
		return rules.Value{}, contracts.NewError(contracts.Unavailable, operation.Name, "an operator has paused %s", system)
	}
	reach := a.Reach()
	err = contracts.NewError(contracts.Unavailable, operation.Name, "no adapter that is on serves it")
	for _, route := range reach.Routes(system, operation.Short) {
		driver := reach.driver(system, route.Driver)
		if driver == nil || driver.Executor == nil || route.TaskQueue != "" {
			continue
		}
		var found Result
		if found, err = driver.Executor.Execute(ctx, adapters.Call{Operation: operation.Name, Input: input}); err == nil {
			return decoded(operation, Stamp(operation.Output, system, found.Value))
		}
		if contracts.ClassOf(err) != contracts.Unavailable {
			break
		}
	}
	return rules.Value{}, err
}

func decoded(operation *contracts.Operation, value rules.Value) (rules.Value, error) {
	value, err := operation.Output.Decode(value)
	if err != nil {
		return rules.Value{}, contracts.NewError(contracts.Drift, operation.Name, "the answer does not fit the contract: %s", err)
	}
	return value, nil
}
