package intake

import (
	"slices"
	"strings"
	"unicode"

	"github.com/abadojack/whatlanggo"
)

// telling are words that hardly any sentence of a language does without and that the others do not have. In the few
// words of a post they say more than the statistics of letters that long texts are judged by.
var telling = map[string]string{
	"en": "the is was and you your it my not for with have this that are please would could hello dear what regards order invoice complaint from to of",
	"de": "der die das und ich nicht ist war mit mein meine sie wir ein eine bitte auf zu von es hallo guten grüße den dem wurde habe rechnung bestellung reklamation wo frage bestellnummer",
	"fr": "le la les et je ne pas est une mon ma vous nous avec pour bonjour merci du des il ce c j n l d cordialement commande facture réclamation où problème sur numéro bien votre pourriez",
	"es": "el los las y no es una mi con por para que hola gracias se me ha del ya lo un pedido factura reclamación dónde saludo atentamente está problema consulta usted su",
	"it": "il lo gli e non è una mio mia con per che ciao buongiorno grazie si mi ha del già un ordine fattura reclamo dove saluti sono della questo vostro",
	"nl": "de het een en ik niet is mijn met u wij voor van op dat hallo groet groeten bestelling factuur klacht waar dit deze heb vraag graag kunt bestelnummer vriendelijke uw",
}

// Language guesses the language of a text (ISO 639-1) among those that the company's people speak. A text that is too
// short or too mixed to tell gives the fallback.
func Language(text string, spoken []string, fallback string) string {
	if found := byWords(text, spoken); found != "" {
		return found
	}
	options := whatlanggo.Options{}
	if len(spoken) > 0 {
		options.Whitelist = map[whatlanggo.Lang]bool{}
		for lang := range whatlanggo.Langs {
			if slices.Contains(spoken, lang.Iso6391()) {
				options.Whitelist[lang] = true
			}
		}
	}
	info := whatlanggo.DetectWithOptions(text, options)
	if code := info.Lang.Iso6391(); code != "" && len([]rune(text)) >= 20 && (info.IsReliable() || len(spoken) == 0) {
		return code
	}
	return fallback
}

// byWords is the language that most telling words belong to, "" if there is none ahead of the others.
func byWords(text string, spoken []string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
	if len(words) > 200 {
		words = words[:200]
	}
	best, most, second := "", 0, 0
	for language, list := range telling {
		if len(spoken) > 0 && !slices.Contains(spoken, language) {
			continue
		}
		known := strings.Fields(list)
		count := 0
		for _, word := range words {
			if slices.Contains(known, word) {
				count++
			}
		}
		switch {
		case count > most:
			best, most, second = language, count, most
		case count > second:
			second = count
		}
	}
	if most == second {
		return ""
	}
	return best
}
