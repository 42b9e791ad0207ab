package adapters

import (
	"context"
	"errors"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// refusedAfter is what becomes of a write that comes to a no. Where it may have been sent before, that no is said
// of what was sent last ("a request with this key is at work") and does not prove that nothing was carried out: what came
// of it is looked up, or is for a person to find out.
func (c *Connection) refusedAfter(ctx context.Context, op *Operation, call Call, vars map[string]rules.Value, doubtful bool, refusal error) (rules.Value, error) {
	var failure *contracts.Error
	if !errors.As(refusal, &failure) || !refuses(failure.Class) {
		return rules.Value{}, refusal
	}
	doubt := *failure
	doubt.NothingSent, doubt.Candidates, doubt.RetryAfter = false, rules.Missing(), max(failure.RetryAfter, op.Safety.Late)
	again := failure.Class == contracts.RateLimited || failure.Class == contracts.Auth // it is sent again, with the same key
	switch {
	case doubtful:
		doubt.Class, doubt.Message = contracts.Unavailable, "it may have been carried out by an attempt that was not answered; to the next one the system said: "+failure.Message
	case call.FirstSent.IsZero() || again:
		return rules.Value{}, refusal
	case op.Safety.Lookup != "":
		found, settled, err := c.lookUp(ctx, op, call, vars)
		if settled || err != nil {
			return found, err
		}
		return rules.Value{}, refusal // it is not there: it was refused
	default:
		doubt.Class, doubt.Message = contracts.OutcomeUnknown, "it may have been carried out before; when it was sent again the system said: "+failure.Message
	}
	return rules.Value{}, &doubt
}

// refuses says that a class, said of a write, would prove that it was not carried out.
func refuses(class contracts.Class) bool {
	switch class {
	case contracts.Unavailable, contracts.Drift, contracts.Internal, contracts.OutcomeUnknown:
		return false
	}
	return true
}
