package intake

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// short are complaints as they come by post and form: a few words, names, numbers, hardly a sentence.
var short = map[string][]string{
	"en": {
		"Kettle is broken", "My kettle is defect.", "broken kettle, want refund", "Where is my parcel?", "Toaster stopped working", "It does not work!!",
		"Order 1042 never arrived", "refund please", "The lid broke off after a week", "wrong item delivered", "Still waiting for order #1042", "Hi, my toaster is dead",
		"Water boiler leaks", "Never again. Want my money back.", "kettle defect, order 1042", "This is the second one that broke.", "no reply, no refund", "Hello there, where is order 1042",
	},
	"de": {
		"Wasserkocher kaputt", "Mein Wasserkocher ist defekt.", "Ich will mein Geld zurück", "Wo bleibt mein Paket?", "Der Toaster geht nicht mehr", "Bestellung 1042 nie angekommen",
		"falsche Ware geliefert", "Deckel nach einer Woche abgebrochen", "Bitte um Ersatz", "Es funktioniert nicht!!",
	},
	"fr": {
		"Bouilloire cassée", "Ma bouilloire ne marche plus", "Je veux être remboursé", "Où est mon colis ?", "Le grille-pain est en panne", "Commande 1042 jamais arrivée",
		"Produit défectueux", "J'ai reçu le mauvais article", "Ça ne fonctionne pas !!", "C'est la deuxième qui casse",
	},
	"es": {
		"Hervidor roto", "Mi hervidor no funciona", "Quiero mi dinero", "¿Dónde está mi paquete?", "La tostadora se ha roto", "El pedido 1042 nunca llegó",
		"Producto defectuoso", "Me han enviado otro artículo", "No funciona!!", "Es la segunda que se rompe",
	},
	"nl": {
		"Waterkoker kapot", "Mijn waterkoker is defect", "Ik wil mijn geld terug", "Waar is mijn pakket?", "Het broodrooster doet het niet", "Bestelling 1042 nooit ontvangen",
		"verkeerde product geleverd", "Deksel na een week afgebroken", "Het werkt niet!!", "Dit is al de tweede die stuk gaat",
	},
}

func TestLanguageOfShortTexts(t *testing.T) {
	t.Parallel()
	spoken := []string{"en", "de", "es", "fr", "nl"}
	for language, texts := range short {
		for _, text := range texts {
			require.Equal(t, language, Language(text, spoken, "en"), text)
			require.Equal(t, language, Language(text, nil, "en"), "nobody says what is spoken: %s", text)
		}
	}
}

// What says nothing is in the language that most people here write, whichever that is.
func TestLanguageThatCannotBeTold(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "?", "1042", "CW-7K2M9QXR", "WK-200 / 1042", "Jane Doe", "Smartwatch X200 Pro Max defect", "ok", "AquaPure 3000 – 2x", "https://example.org/a/b"} {
		for _, home := range []string{"en", "de", "fr", "es", "nl"} {
			require.Equal(t, home, Language(text, []string{"de", "en", "es", "fr", "nl"}, home), text)
		}
	}
}

// A language that nobody here speaks is not found.
func TestLanguageIsOneThatIsSpoken(t *testing.T) {
	t.Parallel()
	require.Equal(t, "en", Language("Waar is mijn pakket?", []string{"en", "de"}, "en"))
	require.Equal(t, "de", Language("Wo ist mein Paket, und warum antwortet mir niemand?", []string{"en", "de"}, "en"))
	require.Equal(t, "ru", Language("Где моя посылка?", []string{"en", "ru"}, "en"))
}
