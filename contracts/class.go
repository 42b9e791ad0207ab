package contracts

// Class says what kind of failure an operation met. The set is closed: use cases branch on it with
// on_error, Temporal shows it as the error type, and the runtime decides by it what is tried again.
type Class string

// The error classes.
const (
	// NotFound means that the system answered and has no such record.
	NotFound Class = "not_found"
	// NotUnique means that several records fit; the error carries them as candidates.
	NotUnique Class = "not_unique"
	// Validation means that the system refused what was sent as wrong.
	Validation Class = "validation"
	// Conflict means that the record changed meanwhile, or that the same key came with another request.
	Conflict Class = "conflict"
	// Declined means that the system understood and said no: a payment, a credit check, a cancelled order.
	Declined Class = "declined"
	// RateLimited means that the system asked to come back later.
	RateLimited Class = "rate_limited"
	// Auth means that the system did not accept our credentials, or they lack a right.
	Auth Class = "auth"
	// Unavailable means that the system could not be reached or failed by itself.
	Unavailable Class = "unavailable"
	// OutcomeUnknown means that a write may or may not have happened, and nothing can tell.
	OutcomeUnknown Class = "outcome_unknown"
	// Drift means that the answer or the page does not look as declared.
	Drift Class = "drift"
	// Internal means a fault of this program or of a definition that it runs.
	Internal Class = "internal"
)

// Classes lists every class in the order of the documentation.
func Classes() []Class {
	return []Class{NotFound, NotUnique, Validation, Conflict, Declined, RateLimited, Auth, Unavailable, OutcomeUnknown, Drift, Internal}
}

// ClassNames lists every class as text, for messages and strict loaders.
func ClassNames() []string {
	names := make([]string, 0, len(Classes()))
	for _, class := range Classes() {
		names = append(names, string(class))
	}
	return names
}

// Known says whether the class belongs to the closed set.
func (c Class) Known() bool {
	for _, class := range Classes() {
		if c == class {
			return true
		}
	}
	return false
}

// Temporary says whether trying the same request again later may help without anybody's doing.
func (c Class) Temporary() bool { return c == RateLimited || c == Unavailable }

// Safety says how a driver makes a write happen at most once. A driver that declares none for a write
// is refused when it is loaded.
type Safety string

// The ways to make a write safe.
const (
	// IdempotencyKey sends a key with the request; the system answers a repeat from its memory.
	IdempotencyKey Safety = "idempotency_key"
	// NaturalKey writes under a key of ours, so that a repeat overwrites the same record.
	NaturalKey Safety = "natural_key"
	// Lookup looks before each try whether the record is there already.
	Lookup Safety = "lookup"
	// AtMostOnce never sends twice; a doubt becomes an "outcome unknown" task.
	AtMostOnce Safety = "at_most_once"
)

// Safeties lists the ways to make a write safe, as text.
func Safeties() []string {
	return []string{string(IdempotencyKey), string(NaturalKey), string(Lookup), string(AtMostOnce)}
}

// Effect says whether an operation only looks or changes something.
type Effect string

// The effects of operations.
const (
	Read  Effect = "read"
	Write Effect = "write"
)
