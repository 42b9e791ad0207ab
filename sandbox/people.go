package sandbox

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// land is what the generator knows about a country: its language, calling code, names and towns.
type land struct {
	code, language, calling string
	first, last             []string
	towns                   []string // "postal code town"
	streets                 []string
}

var lands = []land{
	{"DE", "de", "49",
		strings.Fields("Anna Lena Jürgen Björn Katrin Sören Mareike Uwe Grit Torsten Ayşe Hannah Jörg Silke Emil"),
		strings.Fields("Müller Schröder Weiß Krüger Özdemir Hoffmann Bäcker Lange Yılmaz Vogt Petersen Günther Braun Seidel"),
		[]string{"20095 Hamburg", "40210 Düsseldorf", "80331 München", "04109 Leipzig", "50667 Köln"},
		[]string{"Lindenstraße", "Am Mühlbach", "Goethestr.", "Königsallee"}},
	{"FR", "fr", "33",
		strings.Fields("Camille Zoé Benoît Élodie Théo Manon Jérôme Inès Lucas Aurélie Noël Chloé"),
		strings.Fields("Lefèvre Dubois Nguyễn Garnier D'Amico Moreau Benoît-Roche Faure Mercier Girard L'Hermitte Perrin"),
		[]string{"75011 Paris", "69002 Lyon", "33000 Bordeaux", "59000 Lille"},
		[]string{"rue des Érables", "avenue Jean-Jaurès", "place de l'Église"}},
	{"ES", "es", "34",
		strings.Fields("Lucía Íñigo María José Begoña Nuño Carmen Álvaro Pilar Sergio Inés Hugo"),
		strings.Fields("García Muñoz Peña Ibáñez Núñez Ortega Vázquez Gil Romero Castaño Soler Ruiz"),
		[]string{"28004 Madrid", "08001 Barcelona", "41001 Sevilla", "48001 Bilbao"},
		[]string{"Calle Mayor", "Avenida de la Constitución", "Paseo del Río"}},
	{"NL", "nl", "31",
		strings.Fields("Sanne Daan Femke Joris Maaike Sjoerd Anouk Bram Lotte Thijs Zoë Hidde"),
		[]string{"de Vries", "van den Berg", "Jansen", "'t Hooft", "Bakker", "Visser", "Meijer", "van Dijk", "Smit", "Kuipers", "Hoekstra"},
		[]string{"1012 AB Amsterdam", "3511 LX Utrecht", "6211 CV Maastricht"},
		[]string{"Keizersgracht", "Dorpsstraat", "Lange Nieuwstraat"}},
	{"GB", "en", "44",
		strings.Fields("Emily Oliver Siobhán Callum Priya George Amelia Rhys Fiona Nigel Zadie Owen"),
		strings.Fields("O'Connor Hughes Patel Campbell Smythe Okafor Wright D'Souza Fletcher Begum MacLeod Barnes"),
		[]string{"LE1 5WW Leicester", "M1 1AE Manchester", "EH1 1YZ Edinburgh", "CF10 1EP Cardiff"},
		[]string{"Church Lane", "High Street", "Queen's Road"}},
	{"IE", "en", "353",
		strings.Fields("Aoife Seán Ciarán Niamh Pádraig Róisín Declan Gráinne"),
		strings.Fields("O'Brien Ní-Dhonnchadha Byrne O'Sullivan Fitzgerald Kavanagh McGrath"),
		[]string{"D02 AF30 Dublin", "T12 X70A Cork"},
		[]string{"Patrick Street", "O'Connell Street"}},
	{"PL", "en", "48",
		strings.Fields("Łukasz Zofia Grażyna Świętosław Bartłomiej Żaneta"),
		strings.Fields("Wójcik Kowalczyk Dąbrowska Łęcki Żuraw Śliwa"),
		[]string{"00-001 Warszawa", "31-001 Kraków"}, []string{"ul. Świętokrzyska", "ul. Długa"}},
	{"GR", "en", "30",
		strings.Fields("Αλέξης Ελένη Γιώργος Σοφία Νίκος"),
		strings.Fields("Παπαδόπουλος Νικολάου Γεωργίου Ιωάννου"),
		[]string{"105 57 Αθήνα", "546 24 Θεσσαλονίκη"}, []string{"Ερμού", "Αγίου Δημητρίου"}},
	{"AT", "de", "43",
		strings.Fields("Leopold Theresa Xaver Johanna"), strings.Fields("Größing Haidinger Pöschl Wallner"),
		[]string{"1010 Wien", "8010 Graz"}, []string{"Mariahilfer Straße", "Herrengasse"}},
}

// noShipping are countries to which no depot ships (any more).
var noShipping = []land{
	{"CH", "de", "41", strings.Fields("Urs Vreni Reto Ursina"), strings.Fields("Zürcher Bünzli Caflisch Rüegg"),
		[]string{"8001 Zürich", "3011 Bern"}, []string{"Bahnhofstrasse", "Kramgasse"}},
	{"NO", "en", "47", strings.Fields("Bjørn Åse Øyvind"), strings.Fields("Sørensen Ødegård Bråten"),
		[]string{"0150 Oslo", "5003 Bergen"}, []string{"Storgata", "Bryggen"}},
	{"JP", "en", "81", strings.Fields("太郎 花子 健一"), strings.Fields("山田 佐藤 渡辺"),
		[]string{"100-0001 東京", "530-0001 大阪"}, []string{"千代田", "梅田"}},
}

// landFor gives the lands of one of the five languages in turn, so that each of them occurs.
func (g *generator) landFor(n int) land { return lands[n%len(lands)] }

// person makes a customer of a land who is known everywhere, with a name that nobody else has.
func (g *generator) person(l land) *Customer {
	first, last := pick(g.r, l.first), pick(g.r, l.last)
	for n := 0; g.names[first+" "+last]; n++ {
		first, last = pick(g.r, l.first), pick(g.r, l.last)
		if n > 40 { // the lists of a small country run out: a second last name
			last += "-" + pick(g.r, l.last)
		}
	}
	return g.named(l, first, last)
}

// named makes a customer of this name.
func (g *generator) named(l land, first, last string) *Customer {
	g.names[first+" "+last] = true
	g.people++
	c := &Customer{
		ID: g.people, First: first, Last: last, Language: l.language, Tier: "standard",
		Phone: g.phone(l.calling), Address: g.address(l),
		ContactID: g.digits(11), StripeID: g.token("cus_", 14), UserID: g.userID(),
	}
	c.Emails = []string{g.email(first, last)}
	c.Handle = g.handle(first)
	if g.r.IntN(5) == 0 {
		c.Tier = "gold"
	}
	g.customers = append(g.customers, c)
	return c
}

func (g *generator) address(l land) Address {
	code, town := splitTown(pick(g.r, l.towns))
	return Address{Street: fmt.Sprintf("%s %d", pick(g.r, l.streets), 1+g.r.IntN(140)), PostalCode: code, City: town, Country: l.code}
}

func splitTown(s string) (code, town string) {
	i := strings.LastIndex(s, " ")
	return s[:i], s[i+1:]
}

var mailHosts = []string{"mailbox.example", "post.example", "inbox.example", "fastpost.example"}

func (g *generator) email(first, last string) string {
	local := asciiWord(first) + "." + asciiWord(last)
	for {
		address := fmt.Sprintf("%s%d@%s", strings.Trim(local, "."), 10+g.r.IntN(90), pick(g.r, mailHosts))
		if !g.taken[address] {
			g.taken[address] = true
			return address
		}
	}
}

func (g *generator) handle(first string) string {
	word := asciiWord(first)
	for {
		h := fmt.Sprintf("%s_%s%d", word, pick(g.r, []string{"home", "tea", "runs", "reads", "cooks"}), g.r.IntN(1000))
		if !g.taken[h] {
			g.taken[h] = true
			return h
		}
	}
}

// phone makes a number of which the last seven digits occur once, however it is written.
func (g *generator) phone(calling string) string {
	for {
		tail := fmt.Sprintf("%07d", 1000000+g.r.IntN(8999999))
		if !g.taken[tail] {
			g.taken[tail] = true
			return "+" + calling + fmt.Sprintf("%d", 16+g.r.IntN(80)) + tail
		}
	}
}

var (
	plainLetters = strings.NewReplacer("ß", "ss", "ø", "o", "Ø", "o", "ł", "l", "Ł", "l", "ı", "i", "å", "a", "æ", "ae")
	greek        = strings.NewReplacer("α", "a", "β", "v", "γ", "g", "δ", "d", "ε", "e", "ζ", "z", "η", "i", "θ", "th", "ι", "i", "κ", "k",
		"λ", "l", "μ", "m", "ν", "n", "ξ", "x", "ο", "o", "π", "p", "ρ", "r", "σ", "s", "ς", "s", "τ", "t", "υ", "y", "φ", "f", "χ", "ch", "ψ", "ps", "ω", "o")
	japanese = strings.NewReplacer("太郎", "taro", "花子", "hanako", "健一", "kenichi", "山田", "yamada", "佐藤", "sato", "渡辺", "watanabe")
)

// asciiWord writes a name as it would stand in an e-mail address.
func asciiWord(name string) string {
	name = strings.ToLower(japanese.Replace(plainLetters.Replace(name)))
	var b strings.Builder
	for _, r := range norm.NFD.String(name) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	var out strings.Builder
	for _, r := range greek.Replace(b.String()) {
		if r >= 'a' && r <= 'z' {
			out.WriteRune(r)
		}
	}
	return out.String()
}
