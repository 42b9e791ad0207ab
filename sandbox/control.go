package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// controlAPI is how tests and demonstrations give orders. It has no login: it listens on loopback.
//
//	GET    /control/status                       systems: up, address, login, faults; seed, base day
//	GET    /control/counters                     requests, tickets by external id, executions by idempotency key, mails, webhooks due
//	POST   /control/{system}/stop | start        connection refused | back on the same address
//	POST   /control/{system}/fault               a Fault: {"fault":"slow","seconds":2,"times":1,"operation":"POST /api/v2/tickets"}
//	DELETE /control/{system}/faults              "all" for every system
//	POST   /control/{system}/rate                {"per_second": 500}, negative: no limit; system may be crm.search
//	POST   /control/stock                        {"sku","depot","on_hand","reserved","restock_on"}; absent: as it is
//	POST   /control/support/webhook              {"url","secret"}
//	POST   /control/support/tickets/{id}/solve   {"agent": e-mail, "comment"}: as an agent does it in the browser
//	GET    /control/mails?to= · DELETE           what customers received
//	POST   /control/reset                        no faults, no tickets, no mails, all systems up, the stock of the beginning
//	GET    /control/world                        everything that is true
//	GET    /control/world/complaints?n=&seed=    complaints with their truth; also /control/world/demo
//	GET    /control/world/orders/{number}        one order with its buyer, invoices and parcels
func (c *Company) controlAPI() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := f(r)
			if err != nil {
				reply(w, http.StatusBadRequest, object{"error": err.Error()})
				return
			}
			reply(w, http.StatusOK, answer)
		})
	}
	done := object{"done": true}
	handle("GET /control/status", func(*http.Request) (any, error) { return c.Status(), nil })
	handle("GET /control/counters", func(r *http.Request) (any, error) { return c.Counters(r.Context()) })
	handle("POST /control/{system}/stop", func(r *http.Request) (any, error) { return done, c.StopSystem(r.Context(), r.PathValue("system")) })
	handle("POST /control/{system}/start", func(r *http.Request) (any, error) { return done, c.StartSystem(r.Context(), r.PathValue("system")) })
	handle("POST /control/{system}/fault", func(r *http.Request) (any, error) {
		var f Fault
		if err := decodeStrict(r, &f); err != nil {
			return nil, err
		}
		return c.OrderFault(r.Context(), r.PathValue("system"), f)
	})
	handle("DELETE /control/{system}/faults", func(r *http.Request) (any, error) {
		system := r.PathValue("system")
		if system == "all" {
			system = ""
		}
		return done, c.ClearFaults(r.Context(), system)
	})
	handle("POST /control/{system}/rate", func(r *http.Request) (any, error) {
		var body struct {
			PerSecond float64 `json:"per_second"`
		}
		if err := decodeStrict(r, &body); err != nil {
			return nil, err
		}
		c.rates.set(r.PathValue("system"), body.PerSecond)
		return done, nil
	})
	handle("POST /control/stock", func(r *http.Request) (any, error) {
		var change StockChange
		if err := decodeStrict(r, &change); err != nil {
			return nil, err
		}
		return done, c.ChangeStock(r.Context(), change)
	})
	handle("POST /control/reset", func(r *http.Request) (any, error) { return done, c.Reset(r.Context()) })
	handle("GET /control/mails", func(r *http.Request) (any, error) { return c.Mails(r.Context(), r.URL.Query().Get("to")) })
	handle("DELETE /control/mails", func(r *http.Request) (any, error) {
		_, err := c.state.write.write(r.Context(), `DELETE FROM mails`)
		return done, err
	})
	c.controlSupport(handle)
	c.controlWorld(handle)
	return mux
}

func (c *Company) controlSupport(handle func(string, func(*http.Request) (any, error))) {
	handle("POST /control/support/webhook", func(r *http.Request) (any, error) {
		var body struct{ URL, Secret string }
		if err := decodeStrict(r, &body); err != nil {
			return nil, err
		}
		return object{"done": true}, c.SetWebhook(r.Context(), body.URL, body.Secret)
	})
	handle("POST /control/support/tickets/{id}/solve", func(r *http.Request) (any, error) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			return nil, err
		}
		var body struct{ Agent, Comment string }
		if err := decodeStrict(r, &body); err != nil {
			return nil, err
		}
		return object{"done": true}, c.SolveTicket(r.Context(), id, body.Agent, body.Comment)
	})
}

func (c *Company) controlWorld(handle func(string, func(*http.Request) (any, error))) {
	handle("GET /control/world", func(*http.Request) (any, error) { return c.world, nil })
	handle("GET /control/world/demo", func(*http.Request) (any, error) { return c.world.DemoComplaints(), nil })
	handle("GET /control/world/complaints", func(r *http.Request) (any, error) {
		n, err := bounded(r.URL.Query().Get("n"), 64, 100000)
		if err != nil {
			return nil, err
		}
		var seed uint64
		if text := r.URL.Query().Get("seed"); text != "" {
			if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
				return nil, err
			}
		}
		return c.world.Complaints(n, seed), nil
	})
	handle("GET /control/world/orders/{number}", func(r *http.Request) (any, error) {
		o, ok := c.world.Order(r.PathValue("number"))
		if !ok {
			return nil, fmt.Errorf("no order %s", r.PathValue("number"))
		}
		buyer, _ := c.world.Customer(o.Customer)
		invoices := []Invoice{}
		for _, v := range c.world.Invoices {
			if v.OrderNumber == o.Number {
				invoices = append(invoices, v)
			}
		}
		return object{"order": o, "customer": buyer, "invoices": invoices, "parcels": c.world.ParcelsOf(o.Number)}, nil
	})
}

// SystemStatus is how a system is.
type SystemStatus struct {
	Endpoint
	Up     bool    `json:"up"`
	Faults []Fault `json:"faults,omitempty"`
}

// Status is how the company is.
type Status struct {
	Seed    uint64                  `json:"seed"`
	Base    string                  `json:"base"`
	Systems map[string]SystemStatus `json:"systems"`
}

// Status tells how each system is.
func (c *Company) Status() Status {
	s := Status{Seed: c.world.Seed, Base: c.world.Today.Format(time.DateOnly), Systems: map[string]SystemStatus{}}
	for name, address := range c.Addresses() {
		s.Systems[name] = SystemStatus{Endpoint: address, Up: c.servers[name].up(), Faults: c.faults.of(name)}
	}
	return s
}

// Counters is what has happened. Requests are counted since the process started, the rest since the beginning.
type Counters struct {
	Requests map[string]map[string]int `json:"requests"`
	Tickets  map[string][]int64        `json:"tickets"`  // by external id
	Executed map[string]int            `json:"executed"` // by idempotency key: how often a ticket was made for it
	Total    int                       `json:"total"`    // tickets
	Mails    int                       `json:"mails"`
	Webhooks int                       `json:"webhooks"` // not yet taken
}

// Counters counts.
func (c *Company) Counters(ctx context.Context) (Counters, error) {
	n := Counters{Requests: c.faults.requests.all(), Tickets: map[string][]int64{}, Executed: map[string]int{}}
	err := c.each(ctx, `SELECT id, coalesce(external_id, '') FROM tickets ORDER BY id`, func(scan func(...any) error) error {
		var id int64
		var external string
		if err := scan(&id, &external); err != nil {
			return err
		}
		n.Total++
		n.Tickets[external] = append(n.Tickets[external], id)
		return nil
	})
	err = errors.Join(err, c.each(ctx, `SELECT key, executed FROM idempotency`, func(scan func(...any) error) error {
		var key string
		var times int
		if err := scan(&key, &times); err != nil {
			return err
		}
		n.Executed[key] = times
		return nil
	}))
	return n, errors.Join(err, c.state.read.row(ctx, `SELECT (SELECT count(*) FROM mails), (SELECT count(*) FROM webhooks)`, nil, &n.Mails, &n.Webhooks))
}

func (c *Company) each(ctx context.Context, query string, f func(scan func(...any) error) error) error {
	rows, err := c.state.read.query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// StockChange sets what is given and leaves the rest.
type StockChange struct {
	SKU       string  `json:"sku"`
	Depot     string  `json:"depot"` // empty: every depot
	OnHand    *int    `json:"on_hand"`
	Reserved  *int    `json:"reserved"`
	RestockOn *string `json:"restock_on"` // "": no delivery is planned
}

// ChangeStock changes what the warehouse has of an article.
func (c *Company) ChangeStock(ctx context.Context, s StockChange) error {
	if s.RestockOn != nil && *s.RestockOn != "" {
		if _, err := time.Parse(time.DateOnly, *s.RestockOn); err != nil {
			return fmt.Errorf("sandbox: restock_on: %w", err)
		}
	}
	done, err := c.state.write.write(ctx, `UPDATE stock SET on_hand = coalesce(?, on_hand), reserved = coalesce(?, reserved),
		restock_on = CASE WHEN ? IS NULL THEN restock_on ELSE nullif(?, '') END WHERE sku = ? AND (depot = ? OR ? = '')`,
		s.OnHand, s.Reserved, s.RestockOn, s.RestockOn, s.SKU, s.Depot, s.Depot)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fmt.Errorf("sandbox: no stock of %q in depot %q", s.SKU, s.Depot), err)
	}
	return nil
}

// SetWebhook tells the support system where to send status changes.
func (c *Company) SetWebhook(ctx context.Context, url, secret string) error {
	return c.support.setWebhook(ctx, url, secret)
}

// SolveTicket solves a ticket as an agent does it in the support system itself. No agent: the ticket's assignee, else
// the first agent.
func (c *Company) SolveTicket(ctx context.Context, id int64, agent, comment string) error {
	t, err := fetch(ctx, c.state.read, id)
	if err != nil {
		return fmt.Errorf("sandbox: ticket %d: %w", id, err)
	}
	by := c.support.agent(agent)
	if by == nil && t.AssigneeID != nil && agent == "" {
		by, _ = c.support.user(*t.AssigneeID)
	}
	if by == nil && agent == "" {
		by = c.support.agent(c.world.Agents[1].Email)
	}
	if by == nil {
		return fmt.Errorf("sandbox: no agent %q", agent)
	}
	me, solved := by["id"].(int64), "solved"
	in := ticketIn{Status: &solved}
	if t.AssigneeID == nil {
		in.AssigneeID = &me
	}
	if comment != "" {
		in.Comment = &commentIn{Body: comment}
	}
	_, _, err = c.support.update(ctx, by, id, in)
	return err
}

// Reset brings the company back to its beginning, but for the addresses.
func (c *Company) Reset(ctx context.Context) error {
	err := c.state.write.within(ctx, func(tx *statements) error {
		for _, table := range append([]string{"tickets", "comments", "audits", "users", "idempotency", "webhooks", "mails"}, warehouseTables...) {
			if _, err := tx.exec(ctx, `DELETE FROM `+table); err != nil {
				return err
			}
		}
		return nil
	})
	err = errors.Join(err, c.state.fillWarehouse(ctx, c.world), c.ClearFaults(ctx, ""))
	c.faults.requests.reset()
	for _, name := range Systems {
		err = errors.Join(err, c.StartSystem(ctx, name))
	}
	return err
}
