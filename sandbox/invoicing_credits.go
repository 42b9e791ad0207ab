package sandbox

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// keyLife is how long the invoicing system remembers an Idempotency-Key.
const keyLife = 24 * time.Hour

// once carries out a write at most once for each Idempotency-Key. A refusal of the parameters is not remembered, as
// with the product.
func (s *invoicing) once(w http.ResponseWriter, r *http.Request, work http.HandlerFunc) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := r.ParseForm(); err != nil {
		stripeError(w, http.StatusBadRequest, "", "", "Invalid request: "+err.Error())
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		work(w, r)
		return
	}
	if len(key) > 255 {
		stripeError(w, http.StatusBadRequest, "", "", "Idempotency keys may have at most 255 characters.")
		return
	}
	ctx, request := context.WithoutCancel(r.Context()), fingerprint([]byte(r.URL.Path+"?"+r.PostForm.Encode()))
	var earlier, answer string
	var status int
	err := s.state.read.row(ctx, `SELECT request, status, answer FROM invoicing_keys WHERE key = ? AND created > ?`,
		[]any{key, time.Now().Add(-keyLife).UnixMilli()}, &earlier, &status, &answer)
	switch {
	case err == nil && earlier != request:
		reply(w, http.StatusBadRequest, object{"error": object{"type": "idempotency_error", "message": "Keys for idempotent requests can only be used with " +
			"the same parameters they were first used with. Try using a key other than '" + key + "' if you meant to execute a different request."}})
		return
	case err == nil:
		w.Header().Set("Idempotent-Replayed", "true")
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
		return
	case !errors.Is(err, sql.ErrNoRows):
		stripeError(w, http.StatusInternalServerError, "", "", err.Error())
		return
	}
	held := httptest.NewRecorder()
	work(held, r.WithContext(context.WithValue(ctx, keyed{}, idempotent{key, request})))
	for name, values := range held.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(held.Code)
	_, _ = w.Write(held.Body.Bytes())
}

type keyed struct{}

type idempotent struct{ key, request string }

var (
	creditParameter = regexp.MustCompile(`^(invoice|reason|memo|amount|credit_amount|refund_amount|out_of_band_amount|effective_at|email_type|metadata\[[^\]]+\]|lines\[(\d+)\]\[(type|invoice_line_item|quantity|amount|description)\])$`)
	creditReasons   = []string{"duplicate", "fraudulent", "order_change", "product_unsatisfactory"}
)

// createCredit makes a credit note for an invoice.
func (s *invoicing) createCredit(w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	for _, name := range sortedKeys(form) {
		if !creditParameter.MatchString(name) {
			stripeError(w, http.StatusBadRequest, "parameter_unknown", name, "Received unknown parameter: "+name)
			return
		}
	}
	note, param, problem := s.creditOf(form)
	if problem != "" {
		code := ""
		if strings.HasPrefix(problem, "No such") {
			code = "resource_missing"
		}
		stripeError(w, http.StatusBadRequest, code, param, problem)
		return
	}
	var answer bytes.Buffer
	ctx := context.WithoutCancel(r.Context())
	err := s.state.write.within(ctx, func(tx *statements) error {
		result, err := tx.exec(ctx, `INSERT INTO credit_notes (note) VALUES ('')`)
		if err != nil {
			return err
		}
		n, err := result.LastInsertId()
		if err != nil {
			return err
		}
		s.numbered(note, n)
		text, err := json.Marshal(note)
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `UPDATE credit_notes SET note = ? WHERE id = ?`, string(text), n); err != nil {
			return err
		}
		answer.Write(text)
		known, ok := ctx.Value(keyed{}).(idempotent)
		if !ok {
			return nil
		}
		_, err = tx.exec(ctx, `INSERT INTO invoicing_keys VALUES (?, ?, 200, ?, ?) ON CONFLICT (key) DO UPDATE SET request = excluded.request,
			answer = excluded.answer, created = excluded.created`, known.key, known.request, string(text), time.Now().UnixMilli())
		return err
	})
	if err != nil {
		stripeError(w, http.StatusInternalServerError, "", "", err.Error())
		return
	}
	s.fileCredit(note)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(answer.Bytes())
}

func (s *invoicing) numbered(note object, n int64) {
	note["id"] = fmt.Sprintf("cn_1%023d", n)
	note["number"] = fmt.Sprintf("%s-CN-%02d", note["invoice"], n)
	lines := note["lines"].(object)
	lines["url"] = fmt.Sprintf("/v1/credit_notes/%s/lines", note["id"])
	for i, line := range lines["data"].([]object) {
		line["id"] = fmt.Sprintf("cnli_1%019d%02d", n, i)
	}
}

// creditOf checks what is asked for: a credit note of a paid invoice says where its money goes.
func (s *invoicing) creditOf(form url.Values) (note object, param, problem string) {
	s.mu.RLock()
	invoice, ok := s.byID[form.Get("invoice")]
	s.mu.RUnlock()
	if !ok || invoice["object"] != "invoice" {
		return nil, "invoice", fmt.Sprintf("No such invoice: '%s'", form.Get("invoice"))
	}
	status := invoice["status"]
	if status != "open" && status != "paid" {
		return nil, "invoice", fmt.Sprintf("You can only create a credit note for an invoice that is open or paid; this one is %s.", status)
	}
	if reason := form.Get("reason"); reason != "" && !slices.Contains(creditReasons, reason) {
		return nil, "reason", "Invalid reason: must be one of " + strings.Join(creditReasons, ", ")
	}
	amounts := map[string]int64{}
	for _, name := range []string{"amount", "credit_amount", "refund_amount", "out_of_band_amount"} {
		if form.Has(name) {
			n, err := strconv.ParseInt(form.Get(name), 10, 64)
			if err != nil || n < 0 {
				return nil, name, "Invalid integer: " + form.Get(name)
			}
			amounts[name] = n
		}
	}
	lines, total, param, problem := s.creditLines(form, invoice["id"].(string))
	if problem != "" {
		return nil, param, problem
	}
	if len(lines) == 0 {
		total = amounts["amount"]
	} else if form.Has("amount") && amounts["amount"] != total {
		return nil, "amount", "The amount does not match the sum of the lines."
	}
	if total <= 0 {
		return nil, "amount", "You must specify lines or an amount greater than zero."
	}
	before, _ := invoice["post_payment_credit_notes_amount"].(int64)
	whole, _ := invoice["total"].(int64)
	if before+total > whole {
		return nil, "amount", fmt.Sprintf("The sum of credit note amounts (%s) must not be greater than the invoice amount (%s).", euros(before+total), euros(whole))
	}
	settled := amounts["credit_amount"] + amounts["refund_amount"] + amounts["out_of_band_amount"]
	if status == "paid" && settled != total {
		return nil, "credit_amount", fmt.Sprintf("The sum of refund, credit and outside of Stripe amounts (%s) must equal the credit note amount (%s).", euros(settled), euros(total))
	}
	metadata := object{}
	for _, name := range sortedKeys(form) {
		if key, ok := strings.CutPrefix(name, "metadata["); ok {
			metadata[strings.TrimSuffix(key, "]")] = form.Get(name)
		}
	}
	kind := "post_payment"
	if status == "open" {
		kind = "pre_payment"
	}
	return creditNote(invoice, lines, total, kind, form.Get("reason"), form.Get("memo"), metadata, amounts["out_of_band_amount"], time.Now()), "", ""
}

func creditNote(invoice object, lines []object, total int64, kind, reason, memo string, metadata object, outOfBand int64, at time.Time) object {
	return object{
		"object": "credit_note", "amount": total, "amount_shipping": 0, "created": at.Unix(), "currency": "eur", "customer": invoice["customer"],
		"customer_balance_transaction": nil, "discount_amount": 0, "discount_amounts": []object{}, "effective_at": at.Unix(), "invoice": invoice["id"],
		"lines": object{"object": "list", "data": lines, "has_more": false}, "livemode": false, "memo": textOrNull(memo), "metadata": metadata,
		"out_of_band_amount": outOfBand, "pdf": nil, "pretax_credit_amounts": []object{}, "reason": textOrNull(reason), "refunds": []object{}, "shipping_cost": nil,
		"status": "issued", "subtotal": total, "subtotal_excluding_tax": total, "total": total, "total_excluding_tax": total, "total_taxes": []object{},
		"type": kind, "voided_at": nil,
	}
}

// creditLines reads lines[0][…], lines[1][…] and so on.
func (s *invoicing) creditLines(form url.Values, invoice string) (lines []object, total int64, param, problem string) {
	for i := 0; ; i++ {
		at := func(field string) string { return fmt.Sprintf("lines[%d][%s]", i, field) }
		if !slices.ContainsFunc(sortedKeys(form), func(name string) bool { return strings.HasPrefix(name, fmt.Sprintf("lines[%d]", i)) }) {
			return lines, total, "", ""
		}
		if form.Get(at("type")) != "invoice_line_item" {
			return nil, 0, at("type"), "Only lines of the type invoice_line_item can be credited here."
		}
		of := slices.IndexFunc(s.lines[invoice], func(o object) bool { return o["id"] == form.Get(at("invoice_line_item")) })
		if of < 0 {
			return nil, 0, at("invoice_line_item"), fmt.Sprintf("No such invoice line item: '%s'", form.Get(at("invoice_line_item")))
		}
		line := s.lines[invoice][of]
		most, whole := int64(line["quantity"].(int)), line["amount"].(int64)
		quantity, amount := most, whole
		if text := form.Get(at("quantity")); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 1 || n > most {
				return nil, 0, at("quantity"), fmt.Sprintf("The quantity must be between 1 and %d.", most)
			}
			quantity, amount = n, whole*n/most
		} else if text := form.Get(at("amount")); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 1 || n > whole {
				return nil, 0, at("amount"), fmt.Sprintf("The amount must be between 1 and %d.", whole)
			}
			amount = n
		}
		total += amount
		lines = append(lines, creditLine(line, quantity, amount))
	}
}

func creditLine(line object, quantity, amount int64) object {
	return object{
		"object": "credit_note_line_item", "amount": amount, "description": line["description"], "discount_amount": 0, "discount_amounts": []object{},
		"invoice_line_item": line["id"], "livemode": false, "pretax_credit_amounts": []object{}, "quantity": quantity, "tax_rates": []object{}, "taxes": []object{},
		"type": "invoice_line_item", "unit_amount": amount / quantity, "unit_amount_decimal": strconv.FormatInt(amount/quantity, 10),
	}
}

// fileCredit puts a credit note into the lists and onto its invoice, of which callers may hold the old one.
func (s *invoicing) fileCredit(note object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credits = append([]object{note}, s.credits...)
	s.byID[note["id"].(string)] = note
	old := s.byID[note["invoice"].(string)]
	invoice := maps.Clone(old)
	field := "post_payment_credit_notes_amount"
	if note["type"] == "pre_payment" {
		field = "pre_payment_credit_notes_amount"
	}
	before, _ := old[field].(int64)
	invoice[field] = before + note["total"].(int64)
	s.byID[note["invoice"].(string)] = invoice
	payer := invoice["customer"].(string)
	s.invoices, s.billed[payer] = replaced(s.invoices, invoice), replaced(s.billed[payer], invoice)
	s.texts.forget("invoice", invoice["id"])
}

// replaced is a list with the newer state of one record; callers may still be reading the old one.
func replaced(list []object, newer object) []object {
	list = slices.Clone(list)
	list[slices.IndexFunc(list, func(o object) bool { return o["id"] == newer["id"] })] = newer
	return list
}

// loadCredits makes those of the world and reads those that callers made.
func (s *invoicing) loadCredits(ctx context.Context) error {
	for i, v := range s.world.Invoices {
		if v.Credited == 0 {
			continue
		}
		invoice := s.byID[v.ID]
		var lines []object
		for _, line := range s.lines[v.ID] {
			lines = append(lines, creditLine(line, int64(line["quantity"].(int)), line["amount"].(int64)))
		}
		note := creditNote(invoice, lines, v.Credited, "post_payment", "order_change", "", object{}, 0, v.IssuedOn.AddDate(0, 0, 20))
		s.numbered(note, int64(500000+i))
		s.credits, s.byID[note["id"].(string)] = append(s.credits, note), note
	}
	slices.Reverse(s.credits)
	rows, err := s.state.read.query(ctx, `SELECT note FROM credit_notes WHERE note <> '' ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		var note object
		if err := json.Unmarshal([]byte(text), &note); err != nil {
			return err
		}
		total, _ := note["total"].(float64)
		note["total"] = int64(total)
		s.fileCredit(note)
	}
	return rows.Err()
}

func (s *invoicing) listCredits(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !s.known(w, q, append(stripePaging, "customer", "customer_account", "invoice", "created")...) {
		return
	}
	s.mu.RLock()
	all := s.credits
	s.mu.RUnlock()
	s.page(w, r, "credit_note", choose(all, func(o object) bool {
		return (!q.Has("customer") || o["customer"] == q.Get("customer")) && (!q.Has("invoice") || o["invoice"] == q.Get("invoice"))
	}))
}
