package sandbox

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Sender is what a channel tells about who complains. A field that the channel does not tell is empty.
type Sender struct {
	Email  string `json:"email,omitempty"`
	Phone  string `json:"phone,omitempty"`
	Handle string `json:"handle,omitempty"`
	Name   string `json:"name,omitempty"`
}

// Complaint is a message of a customer, with what must become of it.
type Complaint struct {
	Channel    string    `json:"channel"` // email, web, phone, social
	From       Sender    `json:"from"`
	Subject    string    `json:"subject,omitempty"` // email
	Product    string    `json:"product,omitempty"` // web: what the form's field says; often nothing
	Text       string    `json:"text"`
	Language   string    `json:"language"`
	ReceivedAt time.Time `json:"received_at"`
	Truth      Truth     `json:"truth"`
}

// Truth is the expected end of a complaint and the records that are the right ones, by what is printed and, to check
// links, by the systems' own identifiers. It comes from the generator, never from the rules under test.
type Truth struct {
	End      End      `json:"end"`
	Proposal Proposal `json:"proposal,omitempty"` // empty: a person must find out first
	Reason   string   `json:"reason,omitempty"`   // of explain: out_of_warranty, refunded, cancelled
	Approval bool     `json:"approval,omitempty"`
	Then     End      `json:"then,omitempty"` // the end once a person has chosen the customer or the invoice

	Customer   string   `json:"customer,omitempty"` // name
	ContactID  string   `json:"contact_id,omitempty"`
	PayerID    string   `json:"payer_id,omitempty"` // invoicing
	UserID     int64    `json:"user_id,omitempty"`
	Candidates []string `json:"candidates,omitempty"` // names, or order numbers for product_on_several

	Order     string `json:"order,omitempty"`
	Invoice   string `json:"invoice,omitempty"`
	SKU       string `json:"sku,omitempty"`
	LineValue int64  `json:"line_value,omitempty"` // cents
	Country   string `json:"country,omitempty"`
	Delivered string `json:"delivered_on,omitempty"`
}

// Channels are the ways by which a complaint comes in.
var Channels = []string{"email", "web", "phone", "social"}

// Complaints generates n complaints. From 64 on each end occurs at least twice, each channel at least eight times and
// each of the five languages; no two come from the same customer. There are about 360; asking for more gives those.
func (w *World) Complaints(n int, seed uint64) []Complaint {
	r := rand.New(rand.NewPCG(seed, w.Seed))
	used := map[string]int{}
	var list []Complaint
	for _, s := range w.shuffled(r) {
		if len(list) == n {
			break
		}
		list = append(list, w.complain(r, s, w.channel(r, s, used)))
	}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// DemoComplaints are ten that show the four channels and the main ends.
func (w *World) DemoComplaints() []Complaint {
	r := rand.New(rand.NewPCG(w.Seed, 10))
	var list []Complaint
	for _, show := range []struct {
		end     End
		channel string
		nth     int
	}{
		{EndReplace, "email", 0}, {EndRepair, "web", 0}, {EndBackOrder, "phone", 0}, {EndExplain, "social", 1},
		{EndLost, "email", 0}, {EndApproval, "web", 0}, {EndInTransit, "social", 1}, {EndRefund, "phone", 1},
		{EndReplace, "web", 2}, {EndOnSeveral, "email", 1},
	} {
		list = append(list, w.complain(r, w.nth(show.end, show.nth), show.channel))
	}
	return list
}

func (w *World) nth(end End, n int) story {
	for _, s := range w.stories {
		if s.end == end {
			if n == 0 {
				return s
			}
			n--
		}
	}
	panic("sandbox: no story of " + string(end)) // a typing error in this package
}

// shuffled gives the stories round by round, each end once a round.
func (w *World) shuffled(r *rand.Rand) []story {
	byEnd := map[End][]story{}
	for _, s := range w.stories {
		byEnd[s.end] = append(byEnd[s.end], s)
	}
	rounds := 0
	for _, end := range Ends() {
		list := byEnd[end]
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		rounds = max(rounds, len(list))
	}
	var all []story
	for i := range rounds {
		for _, end := range Ends() {
			if i < len(byEnd[end]) {
				all = append(all, byEnd[end][i])
			}
		}
	}
	return append(all, w.contented...)
}

// channel takes the one of the story's channels that was used least.
func (w *World) channel(r *rand.Rand, s story, used map[string]int) string {
	allowed := slices.Clone(Channels)
	if s.channels != nil {
		allowed = slices.Clone(s.channels)
	}
	r.Shuffle(len(allowed), func(i, j int) { allowed[i], allowed[j] = allowed[j], allowed[i] })
	best := slices.MinFunc(allowed, func(a, b string) int { return used[a] - used[b] })
	used[best]++
	return best
}

func (w *World) complain(r *rand.Rand, s story, channel string) Complaint {
	who := s.customer
	if s.stranger != nil {
		who = s.stranger
	}
	c := Complaint{
		Channel: channel, Language: who.Language, Truth: s.truth(w),
		ReceivedAt: w.Today.AddDate(0, 0, -1).Add(time.Duration(8*60+r.IntN(600)) * time.Minute),
	}
	name := who.Name()
	if s.end == EndSharedAddress { // signed by both
		name = strings.ReplaceAll(phrase(r, "family", who.Language), "{last}", who.Last)
	}
	c.From = s.from(r, who, name, channel)
	c.Text, c.Product = s.text(r, w, who.Language, name, channel)
	if channel == "email" {
		c.Subject = phrase(r, "subject", who.Language)
	}
	return c
}

func (s story) from(r *rand.Rand, who *Customer, name, channel string) Sender {
	address := who.Email()
	if s.sender != "" {
		address = s.sender
	}
	switch channel {
	case "phone":
		if s.end == EndAmbiguousCustomer { // a withheld number
			return Sender{Name: name}
		}
		return Sender{Phone: sloppyPhone(r, who.Phone), Name: name}
	case "social":
		if s.end == EndAmbiguousCustomer { // a new account
			return Sender{Handle: asciiWord(who.First) + "_new", Name: name}
		}
		return Sender{Handle: who.Handle, Name: name}
	}
	return Sender{Email: address, Name: name}
}

// text is the prose of a complaint, and what stands in the field for the product if the channel has one.
func (s story) text(r *rand.Rand, w *World, language, name, channel string) (text, product string) {
	mention := ""
	if len(s.mentions) > 0 {
		mention = pick(r, s.mentions)
	}
	words := s.words(r, w, mention)
	body := s.says
	if words == "" && body != "other" {
		body += "_bare"
	}
	text = strings.ReplaceAll(phrase(r, body, language), "{thing}", words)
	if s.says == "two" {
		second, _ := w.Article(s.other.order.Lines[0].SKU)
		text = strings.ReplaceAll(text, "{thing2}", second.ShopName)
	}
	if strings.Contains(mention, "order") {
		text += " " + strings.ReplaceAll(phrase(r, "order", language), "{order}", sloppyOrder(r, s.bought.order.Number))
	}
	if mention == "invoice" {
		text += " " + strings.ReplaceAll(phrase(r, "invoice", language), "{invoice}", s.invoice().Number)
	}
	if channel == "web" && words != "" && r.IntN(2) == 0 {
		product = words
	}
	if channel == "email" || channel == "web" {
		text = phrase(r, "greeting", language) + "\n\n" + text + "\n\n" + phrase(r, "closing", language) + "\n" + name
	}
	return text, product
}

// words is the article as the customer calls it: by its name, a part of that, or its code; or not at all.
func (s story) words(r *rand.Rand, w *World, mention string) string {
	sku := s.about
	if s.bought != nil && sku == "" {
		sku = s.bought.order.Lines[s.line].SKU
	}
	a, _ := w.Article(sku)
	switch {
	case mention == "sku":
		return a.SKU
	case strings.HasPrefix(mention, "words"):
		return pick(r, []string{a.ShopName, a.Model, strings.ToLower(a.Model), a.Kind + " " + a.Model})
	}
	return ""
}

// invoice is the one that counts.
func (s story) invoice() Invoice { return s.bought.invoices[len(s.bought.invoices)-1] }

func (s story) truth(w *World) Truth {
	t := Truth{End: s.end}
	if c := s.customer; c != nil {
		t.Customer, t.ContactID, t.UserID, t.PayerID = c.Name(), c.ContactID, c.UserID, c.StripeID
		if o, ok := w.Organisation(c.Organisation); ok {
			t.PayerID = o.StripeID
		}
		for _, other := range s.people {
			t.Candidates = []string{c.Name(), other.Name()}
		}
	}
	if s.bought == nil || s.customer == nil {
		return t
	}
	l := s.bought.order.Lines[s.line]
	t.Order, t.Invoice, t.SKU = s.bought.order.Number, s.invoice().Number, l.SKU
	t.LineValue, t.Country = l.Price*int64(l.Quantity), s.bought.order.ShipTo.Country
	for _, p := range s.bought.parcels {
		if !p.DeliveredOn.IsZero() {
			t.Delivered = p.DeliveredOn.Format(time.DateOnly)
		}
	}
	if s.other != nil {
		t.Candidates = []string{s.bought.order.Number, s.other.order.Number}
	}
	if s.end == s.verdict.end {
		t.Proposal, t.Reason, t.Approval = s.verdict.proposal, s.verdict.reason, s.verdict.approval
	} else {
		t.Then = s.verdict.end
	}
	return t
}
