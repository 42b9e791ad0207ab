package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// The systems of the company.
const (
	SystemCRM        = "crm"        // HubSpot CRM v3
	SystemInvoicing  = "invoicing"  // Stripe
	SystemOrders     = "orders"     // WooCommerce REST v3
	SystemFulfilment = "fulfilment" // a legacy web portal
	SystemWarehouse  = "warehouse"  // a database over PostgreSQL's wire protocol
	SystemSupport    = "support"    // Zendesk
	SystemMail       = "mail"       // the customers' mailboxes: an SMTP sink
)

// Systems lists them.
var Systems = []string{SystemCRM, SystemInvoicing, SystemOrders, SystemFulfilment, SystemWarehouse, SystemSupport, SystemMail}

// Options of a company. The zero value of each is usable but for Directory.
type Options struct {
	Directory      string            // where the state file lies
	Seed           uint64            // of the world; a directory keeps the seed that it began with
	Base           time.Time         // the day from which dates are counted; default: today, kept likewise
	Addresses      map[string]string // by system, host:port; default 127.0.0.1:0, and the same port after a restart
	ControlAddress string            // default 127.0.0.1:0
	Webhook        string            // where the support system sends what happens to its tickets; may be set later
	WebhookSecret  string
	RequestRates   map[string]float64 // requests a second by system, and "crm.search"; 0: the product's own, negative: no limit
	Logger         *slog.Logger
}

// Endpoint is where a system is reached and with what.
type Endpoint struct {
	System string `json:"system"`
	URL    string `json:"url"`
	Login  Login  `json:"login"`
}

// Company is the running demo company.
type Company struct {
	world   *World
	options Options
	log     *slog.Logger
	state   *state
	faults  *faults
	rates   *rates
	support *support
	control *server
	servers map[string]*server

	stopping context.CancelFunc
	working  sync.WaitGroup
	once     sync.Once
	stopped  error
}

// Start opens the state in the directory, or begins one, and serves every system that is not stopped by order. The
// context bounds starting only.
func Start(ctx context.Context, o Options) (*Company, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Directory, 0o700); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s, err := openState(ctx, o.Directory)
	if err != nil {
		return nil, err
	}
	c := &Company{options: o, log: o.Logger, state: s, servers: map[string]*server{}}
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Company) open(ctx context.Context) error {
	var err error
	if c.world, err = c.settle(ctx); err != nil {
		return err
	}
	if err := c.state.fillWarehouse(ctx, c.world); err != nil {
		return fmt.Errorf("sandbox: warehouse: %w", err)
	}
	if c.faults, err = newFaults(ctx, c.state, c.log); err != nil {
		return fmt.Errorf("sandbox: faults: %w", err)
	}
	c.rates = newRates(c.options.RequestRates)
	if err := c.build(ctx); err != nil {
		return err
	}
	for _, name := range Systems {
		if err := c.resume(ctx, name); err != nil {
			return err
		}
	}
	working, cancel := context.WithCancel(context.Background())
	c.stopping = cancel
	c.working.Go(func() { c.support.deliver(working) })
	return c.control.start()
}

// settle returns the world with which the directory began.
func (c *Company) settle(ctx context.Context) (*World, error) {
	seed, err := c.state.get(ctx, "seed")
	if err != nil {
		return nil, fmt.Errorf("sandbox: state: %w", err)
	}
	if seed == "" {
		base := c.options.Base
		if base.IsZero() {
			base = time.Now().UTC()
		}
		if err := errors.Join(c.state.set(ctx, "base", base.Format(time.DateOnly)), c.state.set(ctx, "seed", strconv.FormatUint(c.options.Seed, 10))); err != nil {
			return nil, fmt.Errorf("sandbox: state: %w", err)
		}
		return NewWorld(c.options.Seed, base), nil
	}
	day, err := c.state.get(ctx, "base")
	if err != nil {
		return nil, fmt.Errorf("sandbox: state: %w", err)
	}
	base, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return nil, fmt.Errorf("sandbox: state: %w", err)
	}
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("sandbox: state: %w", err)
	}
	return NewWorld(n, base), nil
}

// build makes the servers, none of them listening yet.
func (c *Company) build(ctx context.Context) error {
	s, err := newSupport(ctx, c.world, c.state, c.log)
	if err != nil {
		return fmt.Errorf("sandbox: support: %w", err)
	}
	c.support = s
	if c.options.Webhook != "" {
		if err := s.setWebhook(ctx, c.options.Webhook, c.options.WebhookSecret); err != nil {
			return fmt.Errorf("sandbox: support: %w", err)
		}
	}
	shop, err := newOrders(ctx, c.world, c.state)
	if err != nil {
		return fmt.Errorf("sandbox: orders: %w", err)
	}
	bills, err := newInvoicing(ctx, c.world, c.state)
	if err != nil {
		return fmt.Errorf("sandbox: invoicing: %w", err)
	}
	type product interface {
		http.Handler
		tooMany(w http.ResponseWriter, retry time.Duration)
	}
	for name, p := range map[string]product{
		SystemCRM: newCRM(c.world, c.rates), SystemInvoicing: bills, SystemOrders: shop, SystemSupport: s,
		SystemFulfilment: legacy{newPortal(c.world, FulfilmentLogin)},
	} {
		limited := c.rates.around(name, p, p.tooMany)
		c.servers[name] = httpServer(name, c.address(ctx, name, c.options.Addresses[name]), c.faults.around(name, limited, p.tooMany))
	}
	c.servers[SystemWarehouse] = c.newWarehouse(c.address(ctx, SystemWarehouse, c.options.Addresses[SystemWarehouse]))
	c.servers[SystemMail] = c.newMail(c.address(ctx, SystemMail, c.options.Addresses[SystemMail]))
	c.control = httpServer("control", c.address(ctx, "control", c.options.ControlAddress), c.controlAPI())
	return nil
}

// legacy is the portal, which knows no limits but those that a proxy in front of it has.
type legacy struct{ http.Handler }

func (legacy) tooMany(w http.ResponseWriter, retry time.Duration) {
	retryAfter(w, retry)
	http.Error(w, "Too many requests", http.StatusTooManyRequests)
}

func (c *Company) address(ctx context.Context, name, wanted string) string {
	earlier, err := c.state.get(ctx, "address "+name)
	if err != nil {
		c.log.Warn("the earlier address is not known", "system", name, "error", err)
	}
	return addressFor(earlier, wanted)
}

// resume starts a system unless it was stopped by order.
func (c *Company) resume(ctx context.Context, name string) error {
	down, err := c.state.get(ctx, "down "+name)
	if err != nil {
		return fmt.Errorf("sandbox: state: %w", err)
	}
	if err := c.servers[name].start(); err != nil {
		return err
	}
	if err := c.state.set(ctx, "address "+name, c.servers[name].address); err != nil {
		return fmt.Errorf("sandbox: state: %w", err)
	}
	if down == "yes" { // it had to start once to have an address
		c.servers[name].stop()
	}
	return nil
}

// Stop ends everything. What a late request still has to do is done first.
func (c *Company) Stop() error {
	c.once.Do(func() {
		for _, s := range c.servers {
			s.stop()
		}
		if c.control != nil {
			c.control.stop()
		}
		if c.faults != nil {
			c.faults.late.Wait()
		}
		if c.stopping != nil {
			c.stopping()
		}
		c.working.Wait()
		c.stopped = c.state.close()
	})
	return c.stopped
}

// World is what is true about the company.
func (c *Company) World() *World { return c.world }

// ControlURL is where the control API is.
func (c *Company) ControlURL() string { return "http://" + c.control.address }

// Addresses tells where each system is reached.
func (c *Company) Addresses() map[string]Endpoint {
	logins := map[string]Login{
		SystemCRM: CRMLogin, SystemInvoicing: InvoicingLogin, SystemOrders: OrdersLogin, SystemFulfilment: FulfilmentLogin,
		SystemWarehouse: WarehouseLogin, SystemSupport: SupportLogin,
	}
	all := map[string]Endpoint{}
	for _, name := range Systems {
		a := Endpoint{System: name, URL: "http://" + c.servers[name].address, Login: logins[name]}
		switch name {
		case SystemWarehouse:
			a.URL = fmt.Sprintf("postgres://%s/warehouse?sslmode=disable", c.servers[name].address)
		case SystemMail:
			a.URL = "smtp://" + c.servers[name].address
		}
		all[name] = a
	}
	return all
}

func (c *Company) server(system string) (*server, error) {
	s, ok := c.servers[system]
	if !ok {
		return nil, fmt.Errorf("sandbox: unknown system %q, known are %v", system, Systems)
	}
	return s, nil
}

// StopSystem takes a system down: connections are cut, further ones refused, also after a restart.
func (c *Company) StopSystem(ctx context.Context, system string) error {
	s, err := c.server(system)
	if err != nil {
		return err
	}
	s.stop()
	return c.state.set(ctx, "down "+system, "yes")
}

// StartSystem brings a system back on the same address.
func (c *Company) StartSystem(ctx context.Context, system string) error {
	s, err := c.server(system)
	if err != nil {
		return err
	}
	if err := c.state.set(ctx, "down "+system, ""); err != nil {
		return err
	}
	return s.start()
}

// OrderFault makes a system misbehave.
func (c *Company) OrderFault(ctx context.Context, system string, f Fault) (Fault, error) {
	if _, err := c.server(system); err != nil {
		return f, err
	}
	return c.faults.order(ctx, system, f)
}

// ClearFaults takes back the faults of a system; "" stands for all.
func (c *Company) ClearFaults(ctx context.Context, system string) error {
	return c.faults.clear(ctx, system)
}
