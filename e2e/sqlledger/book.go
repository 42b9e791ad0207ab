package sqlledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Customer is somebody whom the ledger knows from before a test.
type Customer struct{ Name, Number, Email, Phone string }

// Invoice is one that was posted before a test, also in years past. Prices are decimals in the ledger's own currency; a
// credit invoice has negative quantities.
type Invoice struct {
	Number, Order string
	Customer      string // the ID that AddCustomer has returned
	IssuedOn      time.Time
	Paid          bool
	Lines         []Line
}

// Line is an article of an invoice; the ledger learns to know it by this.
type Line struct {
	Article, Description string
	Quantity             int
	Price                string // of one
}

// AddCustomer enters a customer past the application and returns the ID.
func (s *Server) AddCustomer(ctx context.Context, c Customer) (id string, err error) {
	err = s.inOne(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `INSERT INTO customer (name, customernumber, email, phone, curr, startdate, arap_accno_id)
			SELECT $1, $2, $3, $4, 'USD', '2020-01-01', id FROM chart WHERE accno = '1200' RETURNING id::text`, c.Name, c.Number, c.Email, c.Phone).Scan(&id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO address (trans_id, address1, city) VALUES ($1::text::int, 'Main Street 1', 'Springfield')`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO contact (trans_id, typeofcontact, email) VALUES ($1::text::int, 'company', $2)`, id, c.Email)
		return err
	})
	return id, err
}

// AddInvoice books an invoice past the application, as the application books it.
func (s *Server) AddInvoice(ctx context.Context, v Invoice) error {
	return s.inOne(ctx, func(tx pgx.Tx) error {
		var id int
		if err := tx.QueryRow(ctx, `INSERT INTO ar (invnumber, ordnumber, transdate, duedate, customer_id, amount, netamount, paid, invoice, curr, approved, exchangerate, employee_id)
			SELECT $1, $2, $3, $3, $4::text::int, 0, 0, 0, true, 'USD', true, 1, id FROM employee WHERE login = '`+User+`' RETURNING id`,
			v.Number, v.Order, v.IssuedOn, v.Customer).Scan(&id); err != nil {
			return err
		}
		for _, line := range v.Lines {
			if _, err := tx.Exec(ctx, `INSERT INTO parts (partnumber, description, unit, sellprice, onhand, income_accno_id, expense_accno_id)
				SELECT $1, $2, 'pc', $3::text::numeric, 0, sale.id, cost.id FROM chart sale, chart cost
				WHERE sale.accno = '4010' AND cost.accno = '5010' AND NOT EXISTS (SELECT 1 FROM parts WHERE partnumber = $1)`, line.Article, line.Description, line.Price); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO invoice (trans_id, parts_id, description, qty, allocated, sellprice, fxsellprice, discount, unit)
				SELECT $1, id, $3, $4, 0, $5::text::numeric, $5::text::numeric, 0, 'pc' FROM parts WHERE partnumber = $2`, id, line.Article, line.Description, line.Quantity, line.Price); err != nil {
				return err
			}
		}
		booked := `INSERT INTO acc_trans (trans_id, chart_id, amount, transdate) SELECT ar.id, chart.id, ar.amount * $2, ar.transdate FROM ar, chart WHERE ar.id = $1 AND accno = $3`
		steps := []struct {
			sql       string
			arguments []any
		}{
			{`UPDATE ar SET amount = total, netamount = total FROM (SELECT sum(round((qty * sellprice)::numeric, 2)) AS total FROM invoice WHERE trans_id = $1) t WHERE id = $1`, []any{id}},
			{booked, []any{id, -1, "1200"}},
			{booked, []any{id, 1, "4010"}},
		}
		if v.Paid {
			steps = append(steps, []struct {
				sql       string
				arguments []any
			}{
				{`UPDATE ar SET paid = amount, datepaid = transdate WHERE id = $1`, []any{id}},
				{booked, []any{id, 1, "1200"}},
				{booked, []any{id, -1, "1060"}},
			}...)
		}
		for _, step := range steps {
			if _, err := tx.Exec(ctx, step.sql, step.arguments...); err != nil {
				return fmt.Errorf("%s: %w", step.sql, err)
			}
		}
		return nil
	})
}

func (s *Server) inOne(ctx context.Context, work func(pgx.Tx) error) error {
	connection, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	return pgx.BeginFunc(ctx, connection, work)
}
