package intake

import (
	"regexp"
	"strings"
	"unicode"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// joiner decides whether a message belongs to a case that is open already.
type joiner struct {
	source  *workspace.Source
	message Message
}

// choose takes the case that the message answers; else the case of the same person that is about the same thing.
// Two complaints of one person about different things stay two cases.
func (j joiner) choose(open []store.Candidate) string {
	for _, candidate := range open {
		if candidate.Thread && (j.source.Joins.Thread || j.message.Change != Added) {
			return candidate.Case.ID
		}
	}
	if !j.source.Joins.Contact {
		return ""
	}
	for _, candidate := range open {
		if j.recent(candidate) && sameComplaint(j.message, candidate.Parsed) {
			return candidate.Case.ID
		}
	}
	return ""
}

func (j joiner) recent(c store.Candidate) bool {
	last := c.Last
	if last.IsZero() {
		last = c.Case.StartedAt
	}
	return j.source.Joins.Within == 0 || j.message.ReceivedAt.Sub(last) <= j.source.Joins.Within
}

// sameComplaint says whether two messages of one person speak of the same thing: a number that both name (an order,
// an invoice), or most of what the shorter one says beside courtesies. Messages that each name a number
// which the other does not have are about two things, whatever else they share.
func sameComplaint(m Message, parsed []byte) bool {
	var first rules.Value
	if len(parsed) == 0 || first.UnmarshalJSON(parsed) != nil {
		return false
	}
	before := significant(first.Get("product").Text() + " " + first.Get("text").Text())
	now := significant(m.Product + " " + m.Subject + " " + m.Text)
	if len(now.numbers) > 0 && len(before.numbers) > 0 {
		common := shared(now.numbers, before.numbers)
		return common > 0 && (common == len(now.numbers) || common == len(before.numbers))
	}
	return shared(now.words, before.words)*2 > min(len(now.words), len(before.words))
}

func shared(a, b map[string]bool) int {
	n := 0
	for word := range a {
		if b[word] {
			n++
		}
	}
	return n
}

type tokens struct{ words, numbers map[string]bool }

var (
	// signature begins what a mail ends with: who wrote, not what about.
	signature = regexp.MustCompile(`(?mi)^(?:--\s*|(?:kind |best |warm )?(?:regards|wishes)\b.*|(?:mit )?(?:freundlichen|besten|viele|herzliche|liebe)n? grü(?:ß|ss)e?n?\b.*|cordialement\b.*|bien à vous\b.*|(?:un )?saludos?\b.*|atentamente\b.*|(?:cordiali |distinti )?saluti\b.*|(?:met )?(?:vriendelijke )?groet(?:en)?\b.*)$`)
	// telephone numbers and days say nothing about what is complained of.
	telephone = regexp.MustCompile(`(?:\+|\b00?)\d[\d ()/.-]{6,}\d`)
	day       = regexp.MustCompile(`\b(?:19|20)\d\d(?:-\d\d-\d\d)?\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b`)
)

// courtesies are longer words that most messages have, whatever they are about. What a product is called is never
// among them.
const courtesies = `hello please thank thanks since would could should about after again still there their which really today yesterday regards wishes
	hallo guten bitte danke vielen meine meinen haben wurde nicht immer jetzt schon leider heute gestern grüße sehr geehrte damen herren
	bonjour merci votre notre depuis toujours encore madame monsieur cordialement aujourd
	buenos gracias desde todavía saludo saludos estimados
	buongiorno grazie ancora sempre saluti gentili
	goedemiddag bedankt mijn sinds altijd groeten vriendelijke
	order orders invoice number product complaint problem bestellung bestellnummer rechnung reklamation produkt problem
	commande facture produit problème réclamation pedido factura producto problema reclamación ordine fattura prodotto reclamo
	bestelling factuur bestelnummer klacht
	broken broke stopped working works arrived delivered parcel package waiting
	kaputt defekt funktioniert angekommen geliefert paket warte
	cassé cassée panne fonctionne arrivé livré colis attends
	averiado averiada funciona llegado entregado paquete esperando
	rotto guasto funziona arrivato consegnato pacco
	kapot werkt aangekomen geleverd pakket wacht`

func significant(text string) tokens {
	if begin := signature.FindStringIndex(text); begin != nil && begin[0] > 0 {
		text = text[:begin[0]]
	}
	text = day.ReplaceAllString(telephone.ReplaceAllString(text, " "), " ")
	t := tokens{map[string]bool{}, map[string]bool{}}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		switch digits := strings.IndexFunc(word, unicode.IsDigit) >= 0; {
		case digits && len(word) >= 4:
			t.numbers[strings.TrimLeft(strings.TrimLeftFunc(word, unicode.IsLetter), "0")] = true
		case !digits && len([]rune(word)) >= 5 && !polite[word]:
			t.words[word] = true
		}
	}
	return t
}

var polite = func() map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(courtesies) {
		set[word] = true
	}
	return set
}()
