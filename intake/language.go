package intake

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/abadojack/whatlanggo"
)

// telling are words that sentences of a language are held together by, and those that complaints are made of. In the
// few words of a post they say more than the statistics of letters that long texts are judged by. A word that several
// languages have says less for each of them.
var telling = map[string]string{
	"en": `the is are was were be been and or but you your yours it its i i'm i've my me we our they them he she not no don't doesn't didn't isn't won't can't cannot for with have has had
		this that these those please would could should can will do does did hello hi dear what when where why how which who regards thanks thank order ordered invoice complaint from to of on in at by
		after before again still just only very more than about there here any some bought buy broken broke defect defective faulty refund money want need help kettle toaster delivery delivered
		arrived received never yesterday today week weeks days ago works working work stopped replacement replace return back wrong missing late parcel package shipped item product warranty as an so if because out up`,
	"de": `der die das und ich nicht ist war mit mein meine meinen meiner sie wir ein eine einen bitte auf zu von es hallo guten tag morgen grüße gruß den dem des wurde habe haben hat hatte
		rechnung bestellung bestellt reklamation beschwerde wo frage bestellnummer was wann warum wie wer aber oder auch noch nur sehr mehr als für bei aus nach vor über unter wieder kein keine keinen
		ihr ihre ihren ihnen mich mir uns euch er kaputt defekt geld zurück will möchte brauche hilfe wasserkocher lieferung geliefert angekommen erhalten gestern heute woche wochen tage tagen seit
		funktioniert geht ersatz umtausch falsch falsche fehlt paket ware garantie gekauft nie bekommen so wenn weil sehr geehrte damen herren danke am im zum zur`,
	"fr": `le la les et je j'ai ne pas est une un mon ma mes vous nous votre vos notre avec pour bonjour merci du des il elle ce cette ces c j n l d qu on cordialement commande commandé facture
		réclamation où problème sur numéro bien pourriez pouvez quand pourquoi comment qui que quoi mais ou aussi encore très plus dans par chez après avant depuis sans au aux été suis sont ont ai a avez
		cassé cassée défectueux remboursement rembourser argent veux voudrais besoin aide bouilloire livraison livré livrée arrivé arrivée reçu reçue hier aujourd'hui semaine semaines jours
		marche fonctionne échange remplacement faux manque colis produit garantie acheté achetée jamais rien toujours si parce se son sa`,
	"es": `el la los las y e no es una un mi mis con por para que hola gracias se me ha he han del al ya lo le les su sus nos nuestro usted ustedes pedido factura reclamación queja dónde saludo
		saludos atentamente está están problema consulta cuándo qué cómo quién pero o también aún todavía muy más en de desde sin sobre entre hasta antes después fue soy son
		roto rota defectuoso averiado devolución reembolso dinero quiero quisiera necesito ayuda hervidor entrega entregado llegado llegó recibido ayer hoy semana semanas días hace
		funciona cambio reemplazo equivocado falta paquete producto garantía compré comprado nunca nada porque si buenos días tardes a`,
	"it": `il lo la gli le i e non è una un mio mia miei con per che ciao buongiorno buonasera grazie si mi ci vi ha ho hanno hai del della dei delle al alla nel nella già ordine ordinato fattura
		reclamo dove saluti sono questo questa vostro vostra suo sua cosa quando perché come chi ma o anche ancora molto più in di da su tra fra senza sopra dopo prima fino era stato
		rotto rotta difettoso rimborso soldi voglio vorrei bisogno aiuto bollitore consegna consegnato arrivato arrivata ricevuto ieri oggi settimana settimane giorni fa
		funziona cambio sostituzione sbagliato sbagliata manca pacco prodotto garanzia comprato comprata mai niente se cordiali a`,
	"nl": `de het een en ik niet is mijn met u je jij jullie wij we voor van op dat hallo goedendag groet groeten bestelling besteld factuur klacht waar dit deze heb heeft hebben had vraag graag kunt kan
		bestelnummer vriendelijke uw ons onze wat wanneer waarom hoe wie maar of ook nog alleen zeer meer dan bij uit na over onder weer geen er te aan naar om door als zijn was werd
		kapot defect stuk geld terug wil zou nodig hulp waterkoker levering geleverd aangekomen ontvangen gisteren vandaag week weken dagen geleden sinds
		werkt doet vervanging omruilen verkeerd verkeerde ontbreekt pakket pakje product garantie gekocht nooit niets want zo in`,
}

// The least that must speak for a language: in words, and for the letters of a text without telling words.
const (
	enoughWords   = 1.0 // in words that it has for itself alone
	leadOfWords   = 0.5 // over the next language
	enoughLetters = 60  // below that, the statistics of letters find Dutch in English and Danish in German
	sureOfLetters = 0.9
)

// Language guesses the language of a text (ISO 639-1) among those that the company's people speak. What is too short or
// too mixed to tell is in the fallback, which is what most people here write.
func Language(text string, spoken []string, fallback string) string {
	if found, told := byWords(text, spoken, fallback); told {
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
	letters := 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	info := whatlanggo.DetectWithOptions(text, options)
	if code := info.Lang.Iso6391(); code != "" && (letters >= enoughLetters && info.Confidence >= sureOfLetters || ownScript(text)) {
		return code
	}
	return fallback
}

// ownScript says that a text is not written in Latin letters, of which a few tell the language.
func ownScript(text string) bool {
	other := 0
	for _, r := range text {
		if unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) {
			other++
		}
	}
	return other >= 6
}

// byWords is the language that the telling words of a text belong to, and whether they tell one. If two are as good as
// each other and one of them is the fallback, it is that.
func byWords(text string, spoken []string, fallback string) (string, bool) {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '’' })
	if len(words) > 200 {
		words = words[:200]
	}
	scores, of := map[string]float64{}, languagesOf(spoken)
	for _, word := range words {
		word = strings.ReplaceAll(word, "’", "'")
		for _, language := range of[word] {
			scores[language] += 1 / float64(len(of[word]))
		}
		if before, after, elided := strings.Cut(word, "'"); elided && len(of[word]) == 0 { // l'ordine, j'ai
			for _, part := range []string{before, after} {
				for _, language := range of[part] {
					scores[language] += 1 / float64(len(of[part]))
				}
			}
		}
	}
	best, second := "", 0.0
	for _, language := range slices.Sorted(maps.Keys(scores)) {
		switch score := scores[language]; {
		case best == "" || score > scores[best]:
			best, second = language, scores[best]
		case score > second:
			second = score
		}
	}
	switch {
	case best == "" || scores[best] < enoughWords:
		return "", false
	case scores[best]-second >= leadOfWords:
		return best, true
	case scores[best]-scores[fallback] < leadOfWords:
		return fallback, true
	}
	return "", false
}

// languagesOf lists for each telling word the languages that have it, among those that are spoken.
func languagesOf(spoken []string) map[string][]string {
	of := map[string][]string{}
	for _, language := range slices.Sorted(maps.Keys(telling)) {
		if len(spoken) > 0 && !slices.Contains(spoken, language) {
			continue
		}
		for _, word := range strings.Fields(telling[language]) {
			if !slices.Contains(of[word], language) {
				of[word] = append(of[word], language)
			}
		}
	}
	return of
}
