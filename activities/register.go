package activities

import "go.temporal.io/sdk/activity"

// Registry is what activities are registered with: a worker, or a test's environment.
type Registry interface {
	RegisterActivityWithOptions(function any, options activity.RegisterOptions)
	RegisterDynamicActivity(function any, options activity.DynamicRegisterOptions)
}

// Register makes all activities known: those that have a name of ours, and one for every operation there is.
func (a *Activities) Register(registry Registry) {
	registry.RegisterActivityWithOptions(a.OpenTask, activity.RegisterOptions{Name: NameOpenTask})
	registry.RegisterActivityWithOptions(a.CloseTask, activity.RegisterOptions{Name: NameCloseTask})
	registry.RegisterActivityWithOptions(a.ReadAnswer, activity.RegisterOptions{Name: NameReadAnswer})
	registry.RegisterActivityWithOptions(a.ReadMessages, activity.RegisterOptions{Name: NameReadMessages})
	registry.RegisterActivityWithOptions(a.TakeEvent, activity.RegisterOptions{Name: NameTakeEvent})
	registry.RegisterActivityWithOptions(a.Remind, activity.RegisterOptions{Name: NameRemind})
	registry.RegisterActivityWithOptions(a.Record, activity.RegisterOptions{Name: NameRecord})
	registry.RegisterActivityWithOptions(a.SettleEffect, activity.RegisterOptions{Name: NameSettleEffect})
	registry.RegisterActivityWithOptions(a.Link, activity.RegisterOptions{Name: NameLink})
	registry.RegisterActivityWithOptions(a.ReadRepair, activity.RegisterOptions{Name: NameReadRepair})
	registry.RegisterActivityWithOptions(a.SettleRepair, activity.RegisterOptions{Name: NameSettleRepair})
	registry.RegisterActivityWithOptions(a.ReadEffect, activity.RegisterOptions{Name: NameReadEffect})
	registry.RegisterActivityWithOptions(a.OpenCase, activity.RegisterOptions{Name: NameOpenCase})
	a.RegisterCalls(registry)
}

// RegisterCalls makes only the operations known: what a worker for robots needs.
func (a *Activities) RegisterCalls(registry Registry) {
	registry.RegisterDynamicActivity(a.Call, activity.DynamicRegisterOptions{})
}
