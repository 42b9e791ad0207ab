package robots

import (
	"regexp"
	"strings"
)

// dateWord is the name of a month or of a day of the week. Some are ordinary words too: they are never hidden, but what differs
// in them alone is the same thing at another time.
var dateWord = regexp.MustCompile(`(?i)(^|[^\p{L}])(?:` + strings.Join([]string{
	"january|february|march|april|may|june|july|august|september|october|november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday",
	"januar|jänner|februar|feber|märz|mai|juni|juli|oktober|dezember|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag",
	"janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche",
	"enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|lunes|martes|miércoles|jueves|viernes|sábado|domingo",
	"gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica",
	"januari|februari|maart|mei|augustus|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag",
}, "|") + `)($|[^\p{L}])`)

// undated has one sign in the place of every name of a month or a day.
func undated(text string) string {
	for { // two names may share the sign between them
		next := dateWord.ReplaceAllString(text, "${1}#${2}")
		if next == text {
			return text
		}
		text = next
	}
}

// undatedAll does so with all texts.
func undatedAll(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = undated(text)
	}
	return all
}

// wasVeiled says that a label is kept as … because earlier releases did so with every name of a month or a day.
func wasVeiled(before, after string) bool { return before == unsaid && undated(after) != after }

// unsaid stands for a text with digits, or one that is too long for a name.
const unsaid = "…"
