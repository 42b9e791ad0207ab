package sandbox

// story is a customer with a past made for one expected end.
type story struct{}
