package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"crosswalk/e2e/sqlledger"
	"crosswalk/sandbox"
)

// paper is an invoice as the demo company's invoicing tells it.
type paper struct {
	Number, Status string
	Created        int64
	CustomFields   []struct{ Value string } `json:"custom_fields"`
	Lines          struct {
		Data []struct {
			Description string
			Amount      int64
			Quantity    int
		}
	}
}

// TestComplaintOnSQLLedger: the invoices of the demo company stand in a real SQL-Ledger, which has no interface. One line of
// crosswalk.yaml says that robots work there, and people where there is no robot; the use case and everything else stay as they are. A mail becomes the ticket
// that holds the invoice, and the database says which one that is.
func TestComplaintOnSQLLedger(t *testing.T) {
	t.Parallel()
	ledger, err := sqlledger.Start(t.Context(), "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ledger.Stop()) })
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "demo"), listen: freeAddress(t)}
	w.company = startCompany(t, w.dir, w.listen, 1)
	m := plain(w.complaints(sandbox.EndReplace)[0])
	customer := w.booked(ledger, m)
	w.put("secrets/ledger-user", sqlledger.User)
	w.put("secrets/ledger-password", sqlledger.Password)
	text, err := os.ReadFile(filepath.Join(w.dir, "crosswalk.yaml"))
	require.NoError(t, err)
	const here = "contract: invoicing\n    drivers:\n      - adapter: stripe\n"
	require.Contains(t, string(text), here)
	before, after, _ := strings.Cut(string(text), here)
	_, after, _ = strings.Cut(after, "  orders:\n") // what is said of Stripe ends there
	w.put("crosswalk.yaml", before+"contract: invoicing\n    drivers: [{robot: sql-ledger, base_url: '"+ledger.URL+
		"', secrets: {user: 'file:secrets/ledger-user', password: 'file:secrets/ledger-password'}}, {person: complaints}]\n  orders:\n"+after)
	w.begin()

	require.NoError(t, w.send(m, "sql-ledger@nordwind-home.example"))
	var id string
	until(t, "the mail is a case", func() (bool, string) {
		ids := w.casesFrom(m.From.Email)
		if len(ids) == 1 {
			id = ids[0]
		}
		return len(ids) == 1, fmt.Sprint(ids)
	})
	d, _ := w.awaitTask(id, "complete")
	require.Equal(t, "replace", d.decided(resolutionIs, "resolution"))

	truth, err := pgx.Connect(t.Context(), ledger.DSN)
	require.NoError(t, err)
	defer truth.Close(t.Context())
	var number, article string
	var total float64
	var invoices, lines int
	require.NoError(t, truth.QueryRow(t.Context(), `SELECT invnumber, partnumber || ' ' || i.description, ar.amount::float8,
		(SELECT count(*) FROM ar WHERE customer_id::text = $1), (SELECT count(*) FROM invoice JOIN ar ON ar.id = trans_id WHERE customer_id::text = $1)
		FROM ar JOIN invoice i ON i.trans_id = ar.id JOIN parts p ON p.id = parts_id WHERE customer_id::text = $1 AND ordnumber LIKE '%' || $2 AND partnumber = $3`,
		customer, m.Truth.Order, m.Truth.SKU).Scan(&number, &article, &total, &invoices, &lines))
	require.Equal(t, m.Truth.Invoice, number)
	read := d.result("invoices")
	require.Len(t, read["invoices"], invoices)
	require.Len(t, read["lines"], lines)
	require.Equal(t, number, d.result("purchase")["invoice_number"])
	require.Equal(t, article, d.result("purchase")["article"])
	for _, step := range d.Steps {
		if step.Path == "invoices" {
			require.Equal(t, "robot:sql-ledger", step.Driver)
		}
	}
	require.True(t, strings.Contains(strings.Join(w.proposals(d.ticket()), "\n"), number), "the ticket does not name the invoice %s", number)
	w.oneTicketEach([]string{id})
}

// put writes a file of the workspace.
func (w *world) put(name, text string) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, filepath.FromSlash(name)), []byte(text), 0o600))
}

// booked enters the customer of a complaint, with all the invoices that the company has of him, and somebody else's, into
// SQL-Ledger, and returns the customer's ID there.
func (w *world) booked(ledger *sqlledger.Server, m sandbox.Complaint) (id string) {
	w.t.Helper()
	var payer struct{ Name, Email, Phone string }
	w.invoicing("/v1/customers/"+m.Truth.PayerID, &payer)
	var papers struct{ Data []paper }
	w.invoicing("/v1/invoices?"+url.Values{"customer": {m.Truth.PayerID}, "limit": {"100"}}.Encode(), &papers)
	require.NotEmpty(w.t, papers.Data)
	ctx := w.t.Context()
	id, err := ledger.AddCustomer(ctx, sqlledger.Customer{Name: payer.Name, Number: "C-100", Email: payer.Email, Phone: payer.Phone})
	require.NoError(w.t, err)
	other, err := ledger.AddCustomer(ctx, sqlledger.Customer{Name: "Somebody Else", Number: "C-101", Email: "else@example.com"})
	require.NoError(w.t, err)
	for i, p := range papers.Data {
		v := sqlledger.Invoice{Number: p.Number, Customer: id, IssuedOn: time.Unix(p.Created, 0).UTC(), Paid: p.Status == "paid"}
		for _, field := range p.CustomFields {
			v.Order = field.Value
		}
		for j, l := range p.Lines.Data {
			article := fmt.Sprintf("ART-%d-%d", i, j)
			if p.Number == m.Truth.Invoice && l.Amount == m.Truth.LineValue {
				article = m.Truth.SKU
			}
			v.Lines = append(v.Lines, sqlledger.Line{Article: article, Description: l.Description, Quantity: l.Quantity, Price: fmt.Sprintf("%d.%02d", l.Amount/int64(l.Quantity)/100, l.Amount/int64(l.Quantity)%100)})
		}
		require.NoError(w.t, ledger.AddInvoice(ctx, v))
		v.Number, v.Customer = "X-"+v.Number, other
		require.NoError(w.t, ledger.AddInvoice(ctx, v))
	}
	return id
}

func (w *world) invoicing(path string, into any) {
	w.t.Helper()
	login := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+sandbox.InvoicingLogin.Token) }
	var raw json.RawMessage
	require.NoError(w.t, request(http.MethodGet, w.systems["invoicing"].URL+path, login, nil, &raw))
	require.NoError(w.t, json.Unmarshal(raw, into))
}
