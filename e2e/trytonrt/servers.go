// Package trytonrt runs Tryton, on a PostgreSQL, and Request Tracker by the script of the example on them, filled with
// the business of a small shop, for tests to look at from both sides.
package trytonrt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// Servers are a running Tryton and a running Request Tracker.
type Servers struct {
	Tryton         string // address with the database, as the adapter wants it
	TrytonHost     string
	TrytonPassword string // of the user crosswalk
	Tracker        string // Request Tracker's address
	TrackerHost    string
	Token          string // of its user crosswalk
	DSN            string // of Tryton's database, to look at the truth

	guard   *exec.Cmd
	holding io.Closer
}

// Start starts both by the script, in a temporary folder. They end with this process at the latest: a guard holds the
// other end of a pipe, and takes them down when this end is closed, by whatever.
func Start(ctx context.Context, script string) (s *Servers, err error) {
	s = &Servers{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("Tryton and Request Tracker for tests (scripts/setup test installs them): %w", err), s.Stop())
		}
	}()
	script, err = filepath.Abs(script)
	if err != nil {
		return s, err
	}
	folder, err := os.MkdirTemp("", "crosswalk-tryton-")
	if err != nil {
		return s, err
	}
	s.guard = exec.Command("/bin/sh", "-c", `cat >/dev/null; "$0" down "$1"; rm -rf "$1"`, script, folder)
	s.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what ends a test by its terminal is not to end the guard
	if s.holding, err = s.guard.StdinPipe(); err != nil {
		return s, err
	}
	if err = s.guard.Start(); err != nil {
		s.guard = nil
		return s, err
	}
	var said strings.Builder
	up := exec.CommandContext(ctx, script, "up", folder)
	up.Stderr = &said
	text, err := up.Output()
	if err != nil {
		return s, fmt.Errorf("%w: %s", err, said.String())
	}
	return s, s.read(string(text))
}

// read takes in what the script says of where they are.
func (s *Servers) read(text string) (err error) {
	is := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
			is[name] = value
		}
	}
	file := func(name string) string {
		content, failed := os.ReadFile(is[name])
		err = errors.Join(err, failed)
		return strings.TrimSpace(string(content))
	}
	s.Tryton, s.TrytonHost = is["TRYTON_URL"]+"/"+is["TRYTON_DATABASE"], strings.TrimPrefix(is["TRYTON_URL"], "http://")
	s.Tracker, s.TrackerHost = is["RT_URL"], strings.TrimPrefix(is["RT_URL"], "http://")
	s.TrytonPassword, s.Token, s.DSN = file("TRYTON_PASSWORD_FILE"), file("RT_TOKEN_FILE"), is["TRYTON_DSN"]
	if err == nil && (s.TrytonHost == "" || s.TrackerHost == "" || s.DSN == "") {
		err = fmt.Errorf("the script says not where all are: %s", text)
	}
	return err
}

// Stop ends both and removes what they kept.
func (s *Servers) Stop() error {
	if s.guard == nil {
		return nil
	}
	err := errors.Join(s.holding.Close(), s.guard.Wait())
	s.guard = nil
	return err
}

// Purchase is what Tryton's database holds of what a customer bought.
type Purchase struct {
	Customer, Sale, Article, Code string
	Invoice, Shipment             string // "" if there is none
	Stock                         int    // pieces of the article in the depot
}

// Purchase asks the database, and not Tryton, for what the customer of the e-mail address bought last.
func (s *Servers) Purchase(ctx context.Context, email string) (p Purchase, err error) {
	database, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, database.Close(ctx)) }()
	err = database.QueryRow(ctx, `
		SELECT party.name, sale.number, template.name, product.code, coalesce(invoice.number, ''), coalesce(shipment.number, ''), coalesce((
			SELECT sum(CASE WHEN move.to_location = depot.storage_location THEN move.quantity ELSE -move.quantity END)
			FROM stock_move move JOIN stock_location depot ON depot.type = 'warehouse' AND depot.storage_location IN (move.from_location, move.to_location)
			WHERE move.product = product.id AND move.state IN ('done', 'assigned')), 0)::int
		FROM party_contact_mechanism contact
		JOIN party_party party ON party.id = contact.party
		JOIN sale_sale sale ON sale.party = party.id AND sale.state IN ('processing', 'done')
		JOIN sale_line line ON line.sale = sale.id
		JOIN product_product product ON product.id = line.product
		JOIN product_template template ON template.id = product.template
		LEFT JOIN account_invoice_line billed ON billed.origin = 'sale.line,' || line.id
		LEFT JOIN account_invoice invoice ON invoice.id = billed.invoice
		LEFT JOIN stock_move sent ON sent.origin = 'sale.line,' || line.id AND sent.shipment LIKE 'stock.shipment.out,%'
		LEFT JOIN stock_shipment_out shipment ON 'stock.shipment.out,' || shipment.id = sent.shipment AND shipment.state = 'done'
		WHERE contact.type = 'email' AND contact.value = $1
		ORDER BY sale.sale_date DESC, shipment.number NULLS LAST LIMIT 1`, email).
		Scan(&p.Customer, &p.Sale, &p.Article, &p.Code, &p.Invoice, &p.Shipment, &p.Stock)
	return p, err
}

// Tickets are the numbers of the tickets that Request Tracker has of a requester.
func (s *Servers) Tickets(ctx context.Context, from string) (ids []string, err error) {
	var found struct{ Items []struct{ ID json.Number } }
	err = s.ask(ctx, "/tickets?per_page=100&query="+url.QueryEscape("Requestor.EmailAddress = '"+from+"'"), &found)
	for _, item := range found.Items {
		ids = append(ids, item.ID.String())
	}
	return ids, err
}

// Words are all that was written into a ticket.
func (s *Servers) Words(ctx context.Context, ticket string) (string, error) {
	var found struct{ Items []struct{ Content string } }
	err := s.ask(ctx, "/ticket/"+ticket+"/attachments?fields=Content&per_page=100", &found)
	var all []string
	for _, item := range found.Items {
		all = append(all, item.Content)
	}
	return strings.Join(all, "\n"), err
}

// ask asks Request Tracker by its own interface.
func (s *Servers) ask(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Tracker+"/REST/2.0"+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "token "+s.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", path, response.StatusCode)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
