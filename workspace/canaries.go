package workspace

// CanaryOf names the robot that a canary tries.
type CanaryOf struct {
	System    string
	Operation string // with its contract, as in fulfilment.get_shipment
	Robot     string
}

// Canaries are the timers of the robots in use whose files say how they are tried. A schedule or poller of the same name goes
// before.
func (r *Reach) Canaries() []*Timer {
	taken := map[string]bool{}
	for _, timer := range r.Config.Timers {
		taken[timer.Name] = true
	}
	var timers []*Timer
	for _, system := range r.Config.Systems {
		if system.Contract == nil {
			continue
		}
		for _, short := range system.Contract.OperationNames() {
			for _, route := range r.Routes(system.Name, short) {
				name := CanaryName(system.Name, short)
				if route.Program == nil || route.Program.Canary() == nil || taken[name] {
					continue
				}
				taken[name] = true
				timers = append(timers, &Timer{Name: name, Title: "Canary of " + route.Program.Robot.Name, Every: route.Program.Canary().Every,
					Canary: &CanaryOf{System: system.Name, Operation: route.Operation, Robot: route.Program.Robot.Name}})
			}
		}
	}
	return timers
}

// CanaryName is the name of the timer of a canary.
func CanaryName(system, operation string) string { return "canary-" + system + "-" + operation }
