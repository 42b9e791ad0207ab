// Package activities is the only bridge between the interpreter and the outside world: systems, the store, people's
// tasks. One struct holds what they need; one file holds one activity; errors.go is the one mapping of errors.
//
// An operation is an activity of its own name (crm.find_customer), served by one dynamic activity. The others have
// the names below.
package activities

// The names of the activities that are no operations. An operation's name has a dot, so that they never meet.
const (
	NameOpenTask     = "open_task"
	NameReadAnswer   = "read_answer"
	NameCloseTask    = "close_task"
	NameReadMessages = "read_messages"
	NameTakeEvent    = "take_event"
	NameRemind       = "remind"
	NameRecord       = "record"
	NameSettleEffect = "settle_effect"
	NameLink         = "link"
	NameReadRepair   = "read_repair"
	NameSettleRepair = "settle_repair"
	NameReadEffect   = "read_effect"
	NameOpenCase     = "open_case"
)
