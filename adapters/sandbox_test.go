package adapters_test

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/sandbox"
)

// company runs the demo company without limits on requests.
func company(t *testing.T) *sandbox.Company {
	t.Helper()
	rates := map[string]float64{"crm.search": -1}
	for _, system := range sandbox.Systems {
		rates[system] = -1
	}
	c, err := sandbox.Start(context.Background(), sandbox.Options{Directory: t.TempDir(), Seed: 3, Base: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC), RequestRates: rates})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	return c
}

// join connects a catalogue adapter with a system of the company, as a workspace does.
func join(t *testing.T, c *sandbox.Company, system, adapter string, settings map[string]rules.Value, secretValues map[string]string) *adapters.Connection {
	t.Helper()
	address, err := url.Parse(c.Addresses()[system].URL)
	require.NoError(t, err)
	config := adapters.Config{System: system, Secrets: secrets(secretValues), AllowHosts: []string{address.Host}, Shared: boundless{}}
	if system == sandbox.SystemWarehouse {
		port, err := rules.ParseNum(address.Port())
		require.NoError(t, err)
		settings["host"], settings["port"] = rules.Text(address.Hostname()), rules.Number(port)
	} else {
		config.BaseURL = address.String()
	}
	config.Settings = rules.Record(settings)
	connection, err := adapters.Catalog()[adapter].Connect(config)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	_, err = connection.Call(context.Background(), adapters.Call{Operation: connection.Adapter().Check, Input: rules.Record(nil)})
	require.NoError(t, err)
	return connection
}

type fields map[string]rules.Value

func ask(t *testing.T, c *adapters.Connection, operation string, input fields) (rules.Value, error) {
	t.Helper()
	return c.Call(context.Background(), adapters.Call{Operation: operation, Input: rules.Record(input)})
}

func hubspot(t *testing.T, c *sandbox.Company) *adapters.Connection {
	return join(t, c, sandbox.SystemCRM, "hubspot", map[string]rules.Value{}, map[string]string{"token": sandbox.CRMLogin.Token})
}

func stripe(t *testing.T, c *sandbox.Company) *adapters.Connection {
	return join(t, c, sandbox.SystemInvoicing, "stripe", map[string]rules.Value{}, map[string]string{"secret_key": sandbox.InvoicingLogin.Token})
}

func woocommerce(t *testing.T, c *sandbox.Company) *adapters.Connection {
	return join(t, c, sandbox.SystemOrders, "woocommerce", map[string]rules.Value{"store": rules.Text("https://shop.example.com")},
		map[string]string{"consumer_key": sandbox.OrdersLogin.User, "consumer_secret": sandbox.OrdersLogin.Password})
}

func zendesk(t *testing.T, c *sandbox.Company) *adapters.Connection {
	return join(t, c, sandbox.SystemSupport, "zendesk", map[string]rules.Value{"subdomain": rules.Text("nordwind-home"), "email": rules.Text(sandbox.SupportLogin.User)},
		map[string]string{"api_token": sandbox.SupportLogin.Token})
}

func warehouse(t *testing.T, c *sandbox.Company) *adapters.Connection {
	return join(t, c, sandbox.SystemWarehouse, "warehouse-sql", map[string]rules.Value{"database": rules.Text("warehouse"), "user": rules.Text(sandbox.WarehouseLogin.User), "tls": rules.Text("off")},
		map[string]string{"password": sandbox.WarehouseLogin.Password})
}

// TestCustomersOfTheCompany looks every customer up in the CRM, by every key that he has, and then finds
// him among the invoicing customers by what the CRM knows.
func TestCustomersOfTheCompany(t *testing.T) {
	t.Parallel()
	c := company(t)
	crm, invoicing := hubspot(t, c), stripe(t, c)
	payers := map[string]bool{}
	for _, customer := range c.World().Customers {
		if customer.ContactID == "" {
			continue
		}
		for key, text := range map[string]string{"email": customer.Email(), "phone": customer.Phone, "handle": customer.Handle, "name": customer.Name()} {
			if text == "" {
				continue
			}
			found, err := ask(t, crm, "crm.find_customer", fields{key: rules.Text(text)})
			if contracts.ClassOf(err) == contracts.NotUnique {
				require.Contains(t, ids(failureOf(t, err).Candidates), customer.ContactID)
				continue
			}
			require.NoError(t, err, "%s %s", key, text)
			require.Equal(t, customer.ContactID, found.Get("id").Text(), "%s %s", key, text)
		}
		record, err := ask(t, crm, "crm.get_customer", fields{"id": rules.Text(customer.ContactID)})
		require.NoError(t, err)
		require.Equal(t, customer.Name(), record.Get("name").Text())
		require.Equal(t, customer.Address.Country, record.Get("country").Text())
		payer, err := ask(t, invoicing, "invoicing.find_customer", fields{"email": record.Get("email"), "emails": record.Get("emails"), "phones": record.Get("phones"), "name": record.Get("name"), "company": record.Get("company")})
		switch contracts.ClassOf(err) {
		case "":
			payers[payer.Get("id").Text()] = true
		case contracts.NotFound, contracts.NotUnique:
		default:
			require.NoError(t, err)
		}
	}
	require.Greater(t, len(payers), 100)
}

func ids(list rules.Value) []string {
	var all []string
	for _, item := range list.Items() {
		all = append(all, item.Get("id").Text())
	}
	return all
}

func TestInvoicesOfTheCompany(t *testing.T) {
	t.Parallel()
	c := company(t)
	invoicing := stripe(t, c)
	byPayer := map[string][]sandbox.Invoice{}
	for _, invoice := range c.World().Invoices {
		byPayer[invoice.Payer] = append(byPayer[invoice.Payer], invoice)
	}
	for payer, invoices := range byPayer {
		got, err := ask(t, invoicing, "invoicing.list_invoices", fields{"customer": rules.Text(payer)})
		require.NoError(t, err)
		require.Equal(t, len(invoices), got.Get("invoices").Len(), payer)
		lines := 0
		for _, invoice := range invoices {
			lines += len(invoice.Lines)
		}
		require.Equal(t, lines, got.Get("lines").Len(), payer)
		newest := invoices[len(invoices)-1]
		first := got.Get("invoices").At(0)
		require.Equal(t, newest.Number, first.Get("number").Text())
		require.Equal(t, newest.IssuedOn, first.Get("issued_on").Time())
	}
}

func TestOrdersOfTheCompany(t *testing.T) {
	t.Parallel()
	c := company(t)
	orders := woocommerce(t, c)
	for i, order := range c.World().Orders {
		if i%5 != 0 && !order.Missing {
			continue
		}
		notation := []string{"%s", "#%s", "WEB-%s", "order %s", "Bestellung Nr. WEB %s"}[i%5]
		got, err := ask(t, orders, "orders.get_order", fields{"number": rules.Text(fmt.Sprintf(notation, order.Number))})
		if order.Missing {
			require.Equal(t, contracts.NotFound, contracts.ClassOf(err))
			continue
		}
		require.NoError(t, err, order.Number)
		require.Equal(t, order.Number, got.Get("number").Text())
		require.Equal(t, string(order.Status), got.Get("status").Text())
		require.Equal(t, order.PlacedOn, got.Get("placed_on").Time())
		require.Equal(t, order.Gift, got.Get("gift").Bool(), order.Number)
		shown := 0
		for _, line := range order.Lines {
			if line.Hidden {
				continue
			}
			got := got.Get("lines").At(shown)
			shown++
			article, _ := c.World().Article(line.SKU)
			require.Equal(t, line.SKU, got.Get("sku").Text())
			require.Equal(t, article.Category, got.Get("category").Text())
			require.Equal(t, line.Refunded || order.Status == sandbox.OrderRefunded, got.Get("refunded_quantity").Num().Sign() > 0, order.Number)
		}
		require.Equal(t, shown, got.Get("lines").Len())
	}
}

func TestStockOfTheCompany(t *testing.T) {
	t.Parallel()
	c := company(t)
	stock := warehouse(t, c)
	for _, article := range c.World().Articles {
		for _, country := range []string{"DE", "at", "US"} {
			available, elsewhere, routes := stockOf(c.World(), article.SKU, country)
			got, err := ask(t, stock, "warehouse.check_stock", fields{"sku": rules.Text(article.SKU), "country": rules.Text(country)})
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(available), got.Get("available").String(), "%s %s", article.SKU, country)
			require.Equal(t, fmt.Sprint(elsewhere), got.Get("elsewhere").String(), "%s %s", article.SKU, country)
			require.Equal(t, routes, got.Get("ships_to").Bool())
			require.Equal(t, available > 0, !got.Get("depot").IsMissing())
		}
	}
	_, err := ask(t, stock, "warehouse.check_stock", fields{"sku": rules.Text("'; drop table stock; --"), "country": rules.Text("DE")})
	require.Equal(t, contracts.NotFound, contracts.ClassOf(err))
}

func stockOf(w *sandbox.World, sku, country string) (available, elsewhere int, routes bool) {
	country = map[string]string{"at": "AT"}[country] + map[bool]string{true: country}[country != "at"]
	ships := map[string]bool{}
	for _, depot := range w.Depots {
		for _, to := range depot.ShipsTo {
			ships[depot.ID] = ships[depot.ID] || to == country
			routes = routes || to == country
		}
	}
	for _, s := range w.Stock {
		switch free := max(0, s.OnHand-s.Reserved); {
		case s.SKU != sku:
		case ships[s.Depot]:
			available = max(available, free) // a replacement leaves from one depot
		default:
			elsewhere += free
		}
	}
	return available, elsewhere, routes
}

func TestTicketsOfTheCompany(t *testing.T) {
	t.Parallel()
	c := company(t)
	support := zendesk(t, c)
	agent := c.World().Agents[0]
	create := adapters.Call{Operation: "support.create_task", Key: "K-CREATE", Input: rules.Record(fields{
		"queue": rules.Text("complaints"), "title": rules.Text("Broken \"Aurora\""), "text": rules.Text("All facts\nin lines"), "reference": rules.Text("CW-7F3K2M9Q"),
		"requester_email": rules.Text("new@customer.example"), "requester_name": rules.Text("New Customer"), "assignee": rules.Text(agent.Email), "priority": rules.Text("high")})}
	_, err := ask(t, support, "support.find_task", fields{"key": rules.Text("K-CREATE")})
	require.Equal(t, contracts.NotFound, contracts.ClassOf(err))
	task, err := support.Call(context.Background(), create)
	require.NoError(t, err)
	create.FirstSent = time.Now()
	again, err := support.Call(context.Background(), create)
	require.NoError(t, err)
	require.Equal(t, task.Get("id"), again.Get("id"))
	found, err := ask(t, support, "support.find_task", fields{"key": rules.Text("K-CREATE")})
	require.NoError(t, err)
	require.Equal(t, task.Get("id"), found.Get("id"))

	update := adapters.Call{Operation: "support.update_task", Key: "K-UPDATE", Input: rules.Record(fields{
		"task": task.Get("id"), "text": rules.Text("Stock has come in"), "status": rules.Text("pending"), "tags": rules.List(rules.Text("vip"))})}
	_, err = support.Call(context.Background(), update)
	require.NoError(t, err)
	update.FirstSent = time.Now()
	updated, err := support.Call(context.Background(), update)
	require.NoError(t, err)
	require.Equal(t, "pending", updated.Get("status").Text())
	got, err := ask(t, support, "support.get_task", fields{"task": task.Get("id")})
	require.NoError(t, err)
	require.Equal(t, "pending", got.Get("status").Text())
}

func TestUsersOfTheCompany(t *testing.T) {
	t.Parallel()
	c := company(t)
	support := zendesk(t, c)
	for _, customer := range c.World().Customers {
		if customer.UserID == 0 {
			continue
		}
		for _, key := range []fields{{"email": rules.Text(customer.Email())}, {"phone": rules.Text(customer.Phone)}, {"name": rules.Text(customer.Name())}} {
			found, err := ask(t, support, "support.find_customer", key)
			if contracts.ClassOf(err) == contracts.NotUnique {
				require.Contains(t, ids(failureOf(t, err).Candidates), fmt.Sprint(customer.UserID))
				continue
			}
			if contracts.ClassOf(err) == contracts.NotFound && !key["email"].IsMissing() {
				continue // the second person of a household is known by phone only
			}
			require.NoError(t, err)
			if key["email"].IsMissing() {
				require.Equal(t, fmt.Sprint(customer.UserID), found.Get("id").Text(), "%v", key)
			}
		}
	}
}

// TestLimitsOfTheCompany works through the real limits of the stand-in, with our own.
func TestLimitsOfTheCompany(t *testing.T) {
	t.Parallel()
	c, err := sandbox.Start(context.Background(), sandbox.Options{Directory: t.TempDir(), Seed: 3, RequestRates: map[string]float64{sandbox.SystemInvoicing: 3}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	invoicing := stripe(t, c)
	var group sync.WaitGroup
	classes := make([]contracts.Class, 24)
	for i := range classes {
		group.Go(func() {
			_, err := invoicing.Call(context.Background(), adapters.Call{Operation: "invoicing.find_customer", Input: rules.Record(fields{"email": rules.Text("a@b.example")})})
			classes[i] = contracts.ClassOf(err)
		})
	}
	group.Wait()
	require.Contains(t, classes, contracts.RateLimited)
	for _, class := range classes {
		require.Contains(t, []contracts.Class{contracts.NotFound, contracts.RateLimited}, class)
	}
}

// TestAnOrderIsMadeAndReleased: sent twice with one key it is one order, and it is there after a restart of the shop.
func TestAnOrderIsMadeAndReleased(t *testing.T) {
	t.Parallel()
	c := company(t)
	shop := woocommerce(t, c)
	article := c.World().Articles[0]
	create := adapters.Call{Operation: "orders.create_order", Key: "K-ORDER", Input: rules.Record(fields{
		"email": rules.Text("jane@customer.example"), "name": rules.Text("Jane Doe"), "status": rules.Text("on_hold"), "note": rules.Text("In place of another"),
		"ship_to": rules.Record(fields{"name": rules.Text("Jane Doe"), "city": rules.Text("Kiel"), "country": rules.Text("DE")}),
		"lines":   rules.List(rules.Record(fields{"sku": rules.Text(article.SKU), "quantity": rules.Number(rules.Int(2))}))})}
	made, err := shop.Call(context.Background(), create)
	require.NoError(t, err)
	require.Equal(t, "on_hold", made.Get("status").Text())
	create.FirstSent = time.Now()
	again, err := shop.Call(context.Background(), create)
	require.NoError(t, err)
	require.Equal(t, made.Get("id"), again.Get("id"))

	_, err = shop.Call(context.Background(), adapters.Call{Operation: "orders.update_order", Key: "K-RELEASE", Input: rules.Record(fields{
		"order": made.Get("id"), "status": rules.Text("processing")})})
	require.NoError(t, err)
	order, err := ask(t, shop, "orders.get_order", fields{"number": made.Get("number")})
	require.NoError(t, err)
	require.Equal(t, "processing", order.Get("status").Text())
	require.Equal(t, article.SKU, order.Get("lines").At(0).Get("sku").Text())

	_, err = shop.Call(context.Background(), adapters.Call{Operation: "orders.create_order", Key: "K-WRONG", Input: rules.Record(fields{
		"email": rules.Text("jane@customer.example"), "lines": rules.List(rules.Record(fields{"sku": rules.Text("NO-SUCH"), "quantity": rules.Number(rules.Int(1))}))})})
	require.Equal(t, contracts.Validation, contracts.ClassOf(err))
}

// TestALineIsCredited: once, however often it is sent, and what was credited shows in the list of invoices.
func TestALineIsCredited(t *testing.T) {
	t.Parallel()
	c := company(t)
	bills := stripe(t, c)
	var invoice sandbox.Invoice
	for _, v := range c.World().Invoices {
		if v.Status == sandbox.InvoicePaid && v.Credited == 0 && len(v.Lines) > 1 {
			invoice = v
			break
		}
	}
	line := invoice.Lines[0]
	amount, err := rules.Int(line.Amount).Quo(rules.Int(100))
	require.NoError(t, err)
	credit := adapters.Call{Operation: "invoicing.create_credit_note", Key: "K-CREDIT", Input: rules.Record(fields{
		"invoice": rules.Text(invoice.ID), "line": rules.Text(line.ID), "amount": rules.Number(amount), "currency": rules.Text("EUR"), "reason": rules.Text("order_change")})}
	note, err := bills.Call(context.Background(), credit)
	require.NoError(t, err)
	require.Zero(t, amount.Cmp(note.Get("amount").Num()))
	credit.FirstSent = time.Now()
	again, err := bills.Call(context.Background(), credit)
	require.NoError(t, err)
	require.Equal(t, note.Get("id"), again.Get("id"))

	list, err := ask(t, bills, "invoicing.list_invoices", fields{"customer": rules.Text(invoice.Payer)})
	require.NoError(t, err)
	for _, shown := range list.Get("lines").Items() {
		if id := shown.Get("id").Text(); id == line.ID || id == invoice.Lines[1].ID {
			require.Equal(t, id == line.ID, shown.Get("refunded").Bool(), id)
		}
	}
	credit.Key, credit.FirstSent = "K-AGAIN", time.Time{}
	for range invoice.Lines { // more than the whole cannot be given back
		_, err = bills.Call(context.Background(), credit)
		credit.Key += "!"
	}
	require.Equal(t, contracts.Validation, contracts.ClassOf(err))
	credit.Key, credit.Input = "K-CREDIT", credit.Input.With("currency", rules.Text("JPY"))
	_, err = bills.Call(context.Background(), credit)
	require.Error(t, err, "the key belongs to another request")
}
