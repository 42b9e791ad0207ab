package activities

import (
	"slices"
	"strings"

	"crosswalk/contracts"
)

// Route says how one call reaches its system. The interpreter records it before the call, so that a replay takes
// the same way even if the workspace has changed since.
type Route struct {
	System    string `json:"system,omitempty"`    // crm
	Operation string `json:"operation,omitempty"` // find_customer
	Driver    string `json:"driver,omitempty"`    // adapter:hubspot; empty if nothing serves the operation
	// DriverHash is the content of the driver. A call that is tried again for long goes back for a new route when
	// the driver has changed meanwhile.
	DriverHash string           `json:"hash,omitempty"`
	Safety     contracts.Safety `json:"safety,omitempty"` // of a write
	// Local says that the first attempt may run as a local activity.
	Local     bool   `json:"local,omitempty"`
	TaskQueue string `json:"queue,omitempty"` // empty: that of the workflow
	// Person is the queue or role of the people who serve the operation by hand.
	Person string `json:"person,omitempty"`
	// Last says that no other driver is left to try. The interpreter sets it.
	Last bool `json:"last,omitempty"`
	// NextOn are the classes of errors after which the next driver is tried, beside unavailable, with blanks between them.
	NextOn string `json:"nextOn,omitempty"`
	// Reason says why there is no driver.
	Reason string `json:"reason,omitempty"`
}

// PassesOn says whether an error of that class may be the next driver's to answer.
func (r Route) PassesOn(class contracts.Class) bool {
	return class == contracts.Unavailable || slices.Contains(strings.Fields(r.NextOn), string(class))
}

// Name is the operation as use cases and the Temporal UI write it.
func (r Route) Name() string { return r.System + "." + r.Operation }
