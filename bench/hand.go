package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/workflows"
)

// handInput starts a case of the plan that is written by hand.
type handInput struct {
	Bundle    string      `json:"bundle"`
	Reference string      `json:"reference"`
	Input     rules.Value `json:"input"`
	// Ordinary runs each call as an ordinary activity and keeps no record: the workflow as most people write it.
	Ordinary bool `json:"ordinary"`
}

// hand is one case of bench-complaint as a Go programmer writes it: the same calls in the same order with the same
// activities, decisions in Go, and the same record at the end.
type hand struct {
	ctx    workflow.Context
	in     handInput
	id     string
	record activities.Record
	seq    int
}

// routes are what the programmer knows about his systems.
var routes = map[string]activities.Route{
	"support.create_task":     {Driver: "adapter:zendesk", Safety: contracts.IdempotencyKey},
	"crm.find_customer":       {Driver: "adapter:hubspot"},
	"invoicing.list_invoices": {Driver: "adapter:stripe"},
	"orders.get_order":        {Driver: "adapter:woocommerce"},
	"fulfilment.get_shipment": {Driver: "adapter:fulfilment-http"},
	"warehouse.check_stock":   {Driver: "adapter:warehouse-sql"},
	"people.list_agents":      {Driver: "desk:people"},
	"support.update_task":     {Driver: "adapter:zendesk", Safety: contracts.Lookup},
}

// byHand is the workflow.
func byHand(ctx workflow.Context, in handInput) (workflows.Outcome, error) {
	h := &hand{ctx: ctx, in: in, id: workflow.GetInfo(ctx).WorkflowExecution.ID}
	h.record.Case = h.id
	outcome, err := h.complaint()
	if err != nil {
		return workflows.Outcome{}, err
	}
	return outcome, h.write(outcome)
}

func (h *hand) complaint() (workflows.Outcome, error) {
	var out workflows.Outcome
	in := h.in.Input
	text, email := in.Get("text").Text(), in.Path("from", "email")
	ticket, err := h.call("ticket", "support.create_task", fields{"queue": word("complaints"), "title": word("Complaint [" + h.in.Reference + "]"), "text": in.Get("text"),
		"requester_email": email, "reference": word(h.in.Reference), "tags": rules.List(word("crosswalk"))})
	if err != nil {
		return out, err
	}
	customer, err := h.call("customer", "crm.find_customer", fields{"email": email})
	if err != nil {
		return out, err
	}
	invoices, err := h.call("invoices", "invoicing.list_invoices", fields{"customer": customer})
	if err != nil {
		return out, err
	}
	purchase := h.set("purchase", pick(invoices.Get("lines"), func(line rules.Value) bool {
		return strings.Contains(text, digits(line.Get("order_number").Text())) && strings.Contains(text, code(line))
	}))
	order, err := h.call("order", "orders.get_order", fields{"number": word(purchase.Get("order_number").Text())})
	if err != nil {
		return out, err
	}
	line := h.set("line", pick(order.Get("lines"), func(line rules.Value) bool { return line.Get("sku").Text() == code(purchase) }))
	shipment, err := h.call("shipment", "fulfilment.get_shipment", fields{"order_number": order.Get("number")})
	if err != nil {
		return out, err
	}
	delivered := h.set("delivered_on", latest(shipment))
	months, remedy := warranty(line.Get("category").Text())
	h.decided("promise", "bench-warranty", fields{"category": line.Get("category")}, fields{"months": rules.Number(rules.Int(int64(months))), "remedy": word(remedy)})
	covered := !delivered.IsMissing() && !in.Get("received_at").Time().Truncate(24*time.Hour).After(delivered.Time().AddDate(0, months, 0))
	h.set("covered", rules.Bool(covered))
	stock, err := h.call("stock", "warehouse.check_stock", fields{"sku": line.Get("sku"), "country": order.Path("ship_to", "country")})
	if err != nil {
		return out, err
	}
	enough := stock.Get("available").Num().Cmp(line.Get("quantity").Num()) >= 0
	proposal := propose(covered, remedy, enough)
	h.decided("resolution", "bench-resolution", fields{"covered": rules.Bool(covered), "remedy": word(remedy), "enough": rules.Bool(enough)}, fields{"proposal": word(proposal)})
	today := rules.Date(workflow.GetInfo(h.ctx).WorkflowStartTime.UTC().Date())
	agents, err := h.call("agents", "people.list_agents", fields{"queue": word("complaints"), "skill": word("complaints"), "language": word("en"), "on": today})
	if err != nil {
		return out, err
	}
	agent := h.set("agent", pick(agents.Get("agents"), func(a rules.Value) bool { return a.Get("skilled").Bool() && !a.Get("absent").Bool() }))
	said := fmt.Sprintf("%s: invoice %s, order %s, delivered %s, free %s, for %s", proposal, purchase.Get("invoice_number").Text(), order.Get("number").Text(),
		delivered, stock.Get("available"), customer.Get("name").Text())
	_, err = h.call("task", "support.update_task", fields{"task": ticket, "queue": word("complaints"), "assignee": agent.Get("email"), "status": word("open"), "text": word(said)})
	out.Outcome = proposal
	out.Result = rules.Record(fields{"ticket": ticket.Get("number"), "invoice": purchase.Get("invoice_number"), "order": order.Get("number"), "free": stock.Get("available")})
	return out, err
}

type fields = map[string]rules.Value

func word(s string) rules.Value { return rules.Text(s) }

// call reaches a system as the interpreter does: inside the workflow task first, as an ordinary activity if it takes
// longer or fails for now.
func (h *hand) call(step, name string, input fields) (rules.Value, error) {
	route := routes[name]
	route.System, route.Operation, _ = strings.Cut(name, ".")
	route.Local = !h.in.Ordinary
	in := activities.CallInput{Place: activities.Place{Case: h.id, Path: step, Generation: 1}, Bundle: h.in.Bundle, Route: route, Input: rules.Record(input)}
	begun := workflow.Now(h.ctx)
	var out activities.CallOutput
	var err error
	if route.Local {
		err = workflow.ExecuteLocalActivity(local(h.ctx, step), name, in).Get(h.ctx, &out)
	}
	if !route.Local || err != nil {
		err = workflow.ExecuteActivity(ordinary(h.ctx, step), name, in).Get(h.ctx, &out)
	}
	if err != nil {
		return rules.Value{}, err
	}
	h.step(step, "call", route, out.Value, begun, cmp.Or(out.At, workflow.Now(h.ctx)))
	return out.Value, nil
}

func local(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{ScheduleToCloseTimeout: 2 * time.Second, Summary: summary, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
}

// attempts are how often an ordinary activity is tried: for half a minute, so that a plan that no longer works is seen.
const attempts = 6

func ordinary(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 30 * time.Second, HeartbeatTimeout: 10 * time.Second, Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: attempts}})
}

func (h *hand) set(step string, value rules.Value) rules.Value {
	h.step(step, "set", activities.Route{}, value, workflow.Now(h.ctx), workflow.Now(h.ctx))
	return value
}

func (h *hand) step(step, kind string, route activities.Route, value rules.Value, begun, done time.Time) {
	h.seq++
	h.record.Steps = append(h.record.Steps, activities.StepRecord{Place: activities.Place{Case: h.id, Path: step, Generation: 1}, Seq: h.seq, Kind: kind, Title: step,
		System: route.System, Operation: route.Operation, Driver: route.Driver, Begun: begun, Done: done, Value: value})
}

func (h *hand) decided(step, table string, facts, outputs fields) {
	in, out := rules.Record(facts), rules.Record(outputs)
	h.step(step, "decide", activities.Route{System: "rules", Operation: table}, out, workflow.Now(h.ctx), workflow.Now(h.ctx))
	h.record.Decisions = append(h.record.Decisions, activities.DecisionRecord{Place: activities.Place{Case: h.id, Path: step, Generation: 1}, At: workflow.Now(h.ctx),
		Table: table, Facts: in, FactsHash: in.Hash(), Outputs: out})
}

// write keeps the same record as the interpreter does.
func (h *hand) write(outcome workflows.Outcome) error {
	if h.in.Ordinary {
		return nil
	}
	h.record.End = &activities.End{State: activities.CaseDone, Outcome: outcome.Outcome, Result: outcome.Result, At: workflow.Now(h.ctx)}
	if err := workflow.ExecuteLocalActivity(local(h.ctx, ""), activities.NameRecord, h.record).Get(h.ctx, nil); err == nil {
		return nil
	}
	return workflow.ExecuteActivity(ordinary(h.ctx, ""), activities.NameRecord, h.record).Get(h.ctx, nil)
}

// nothing is the empty workflow.
func nothing(workflow.Context, handInput) (workflows.Outcome, error) {
	return workflows.Outcome{Outcome: "nothing"}, nil
}

func pick(list rules.Value, fits func(rules.Value) bool) rules.Value {
	for _, item := range list.Items() {
		if fits(item) {
			return item
		}
	}
	return rules.Missing()
}

func digits(s string) string { return strings.TrimLeft(s, "WEB-") }

// code is the article number at the end of what an invoice calls an article.
func code(line rules.Value) string {
	article := line.Get("article").Text()
	return article[strings.LastIndex(article, " ")+1:]
}

func latest(shipment rules.Value) rules.Value {
	found := rules.Missing()
	for _, parcel := range shipment.Get("parcels").Items() {
		if on := parcel.Get("delivered_on"); !on.IsMissing() && (found.IsMissing() || on.Time().After(found.Time())) {
			found = on
		}
	}
	return found
}

func warranty(category string) (months int, remedy string) {
	switch category {
	case "kitchen", "electronics":
		return 24, "replace"
	case "lighting":
		return 36, "replace"
	case "furniture":
		return 60, "repair"
	case "accessories":
		return 12, "replace"
	case "bespoke":
		return 24, "refund"
	}
	return 24, "repair"
}

func propose(covered bool, remedy string, enough bool) string {
	switch {
	case !covered:
		return "explain"
	case remedy == "repair":
		return "repair"
	case remedy == "replace" && enough:
		return "replace"
	}
	return "refund"
}
