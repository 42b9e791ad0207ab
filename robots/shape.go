package robots

import (
	"crosswalk/contracts"
	"crosswalk/source"
)

// refused are names that the loader knows only to say that they are not available yet.
func refused(names ...string) []source.Field {
	fields := make([]source.Field, len(names))
	for i, name := range names {
		fields[i] = source.Field{Name: name, Is: source.Tree(), Refused: true}
	}
	return fields
}

// pageClasses are the classes of errors that a page can show.
func pageClasses() []string {
	var names []string
	for _, class := range contracts.Classes() {
		if class != contracts.OutcomeUnknown && class != contracts.Internal {
			names = append(names, string(class))
		}
	}
	return names
}

var (
	stepsShape = source.ListOf(source.Ref("step"))
	placeShape = source.Ref("target")
)

var robotShape = source.Record(append([]source.Field{
	{Name: "robot", Is: source.Text(), Required: true, About: "The name of the robot.", Example: "acme-erp-get-order"},
	{Name: "title", Is: source.Text(), About: "What it does, for people.", Default: "the name", Example: "Orders in Acme ERP"},
	{Name: "operation", Is: source.Text(), Required: true, About: "The operation that it carries out.", Example: "orders.get_order"},
	{Name: "system", Is: source.Text(), Required: true, About: "The system file of the application.", Example: "acme-erp"},
	{Name: "find", Is: source.ListOf(stepShape), About: "The steps that find what is asked for; they see input. Of a write: that look whether it is there.", Default: "a write is not looked for", Example: "[{goto: /orders}, {expect: {text: Orders}}]"},
	{Name: "already", Is: source.Condition(), About: "Of a write: by what find shows that it is there. Then nothing is sent; after a doubt, this settles it.", Example: "len(found) == 1"},
	{Name: "settle", Is: settleShape, About: "Of a write: how often find looks after a doubt.", Default: "3 tries over 30s", Example: "{tries: 5, over: 1m}"},
	{Name: "prepare", Is: source.ListOf(stepShape), About: "Of a write: the steps before the commit. They change nothing and may be repeated.", Default: "none", Example: "[{goto: /orders/new}, {fill: {into: {label: Customer}, value: '${input.customer}'}}]"},
	{Name: "commit", Is: commitShape, About: "Of a write: the one step that sends it, at most once.", Example: "{click: {button: Save}, effect: {method: POST, url: '*/orders', times: 1}, done: {text: Saved}}"},
	{Name: "verify", Is: source.ListOf(stepShape), About: "Of a write: the steps that check that it was done. They may run find.", Default: "none", Example: "[{run: find}, {assert: len(found) == 1}]"},
	{Name: "output", Is: source.Tree(), Required: true, About: "What the operation answers.", Example: "{number: '${found[0]?.number ?? \"\"}'}"},
	{Name: "evidence", Is: evidenceShape, About: "What is kept of a run.", Example: "{mask: [{label: IBAN}]}"},
	{Name: "canary", Is: canaryShape, About: "Tries the robot again and again, up to its commit, to see early that a page has changed.", Default: "it is not tried", Example: "{every: 1h, input: {number: '1001'}}"},
}, refused("fingerprints")...)...)

var settleShape = source.Record(
	source.Field{Name: "tries", Is: source.Whole(), About: "How often find looks.", Default: "3", Example: "5"},
	source.Field{Name: "over", Is: source.Span(), About: "How long it is from the first to the last look, at most 2m.", Default: "30s", Example: "1m"},
)

// commitKinds are the steps that a commit may be.
var commitKinds = []string{"click", "key", "fill", "select", "goto"}

var commitShape = source.Record(
	source.Field{Name: "click", Is: targetShape, About: "Clicks the one element. A commit is exactly one of click, key, fill, select and goto.", Example: "{button: Save}"},
	source.Field{Name: "key", Is: source.Either(source.Choice(sortedKeys(keys)...), keyShape), About: "Presses a key.", Example: "F8"},
	source.Field{Name: "fill", Is: fillShape, About: "Types into a field and presses a key.", Example: "{into: {label: Note}, value: '${input.note}', key: Enter}"},
	source.Field{Name: "select", Is: fillShape, About: "Chooses an option.", Example: "{into: {label: Status}, value: Closed}"},
	source.Field{Name: "goto", Is: source.Either(source.Template(), gotoShape), About: "Opens an address that changes something.", Example: "/orders/close?id=${input.id}"},
	source.Field{Name: "effect", Is: effectShape, Required: true, About: "The one request that it sends. The fence lets it through once; every other is stopped.", Example: "{method: POST, url: '*/orders', times: 1}"},
	source.Field{Name: "done", Is: placeShape, Required: true, About: "What the page shows when it was accepted.", Example: "{text: /^Order/}"},
	source.Field{Name: "read", Is: source.Either(readOneShape, readLabelsShape), About: "What is read from that page. It is missing where the thing was there already or find has settled a doubt.", Default: "nothing", Example: "{from: {text: /saved/}, as: number, match: '([0-9]+)'}"},
	source.Field{Name: "within", Is: source.Span(), About: "How long the answer may take.", Default: "limits.step of the system", Example: "1m"},
)

var effectShape = source.Record(
	source.Field{Name: "method", Is: source.Choice("POST", "PUT", "PATCH", "DELETE", "GET"), Required: true, About: "How it is sent.", Example: "POST"},
	source.Field{Name: "url", Is: source.Text(), Required: true, About: "Its address; * stands for anything. Compared with the whole address and with its path.", Example: "'*/orders'"},
	source.Field{Name: "form", Is: source.Named(source.OneOrMore(source.Template())), About: "Fields of the form that is sent, and all that they hold; a list for a field that is sent more than once, and an empty one, [], for one that is not sent.", Default: "any form", Example: "{action: Post}"},
	source.Field{Name: "times", Is: source.Whole(), About: "1, which is all that there is.", Default: "1", Example: "1"},
)

var readRequestShape = source.Record(
	source.Field{Name: "url", Is: source.Text(), Required: true, About: "The address; * stands for anything.", Example: "'*/is.pl'"},
	source.Field{Name: "form", Is: source.Named(source.OneOrMore(source.Text())), About: "Fields of the form, and all that they hold; a list for a field that is sent more than once, and an empty one, [], for one that is not sent.", Default: "any form", Example: "{action: Update}"},
)

var evidenceShape = source.Record(
	source.Field{Name: "keep", Is: source.Span(), About: "How long pictures, reports and files of a run are kept, at least 1h.", Default: "as long as its case", Example: "90d"},
	source.Field{Name: "pictures", Is: source.Choice("always", "failures"), About: "Which runs keep a picture of the page at which they ended.", Default: "always", Example: "failures"},
	source.Field{Name: "mask", Is: source.ListOf(targetShape), About: "What is hidden in pictures, beside passwords and secrets.", Default: "nothing else", Example: "[{label: IBAN}]"},
)

var targetShape = source.Part("target", "A place on a page, which must fit exactly one visible element: by what a person sees, or by css or xpath. Texts are exact; /…/i is a regular expression.",
	source.Field{Name: "label", Is: source.Template(), About: "A field, or a value, by the text before or above it.", Example: "Auftragsnr."},
	source.Field{Name: "field", Is: source.Template(), About: "A field by its name attribute.", Example: "order_no"},
	source.Field{Name: "button", Is: source.Template(), About: "A button by its text.", Example: "Suchen"},
	source.Field{Name: "link", Is: source.Template(), About: "A link by its text.", Example: "Abmelden"},
	source.Field{Name: "text", Is: source.Template(), About: "Any element by its text.", Example: "/Sitzung abgelaufen/i"},
	source.Field{Name: "option", Is: source.Template(), About: "An option of a list.", Example: "Offen"},
	source.Field{Name: "role", Is: source.Text(), About: "An element by its role, with name.", Example: "tab"},
	source.Field{Name: "name", Is: source.Template(), About: "With role: its accessible name.", Example: "Lieferungen"},
	source.Field{Name: "css", Is: source.Template(), About: "A CSS selector.", Example: "h2.error"},
	source.Field{Name: "xpath", Is: source.Template(), About: "An XPath.", Example: "//h2"},
	source.Field{Name: "row", Is: source.Named(source.Template()), About: "With column: a cell, by what stands in the same row under other headings.", Example: "{Pos: '2'}"},
	source.Field{Name: "column", Is: source.Template(), About: "With row: the heading of the cell.", Example: "Menge"},
	source.Field{Name: "any", Is: source.ListOf(placeShape), About: "Alternatives; those that find something must all find the same element.", Example: "[{label: Nr.}, {field: order_no}]"},
	source.Field{Name: "window", Is: source.Text(), About: "The window that it is in: the name that the application gave it, its address with *, or popup for the one that is open.", Default: "the page itself", Example: "popup"},
	source.Field{Name: "frame", Is: source.Text(), About: "The frame that it is in: a name, a path outer/inner, an address with *, or its place [0]/[1].", Default: "the page itself", Example: "main"},
	source.Field{Name: "in", Is: placeShape, About: "It is within that element.", Default: "anywhere", Example: "{css: fieldset}"},
	source.Field{Name: "near", Is: placeShape, About: "It is in the smallest block around that element which holds one.", Default: "anywhere", Example: "{text: Rechnung}"},
	source.Field{Name: "has", Is: placeShape, About: "It holds that element.", Default: "anything", Example: "{text: Offen}"},
)

// valueFields say what is made of a text.
var valueFields = []source.Field{
	{Name: "as", Is: source.Matching("name", nameForm.String()), Required: true, About: "The name under which the robot knows the value.", Example: "shipped_on"},
	{Name: "type", Is: source.Choice("text", "number", "money", "date"), About: "How it is read, strictly in the application's format.", Default: "text", Example: "date"},
	{Name: "optional", Is: source.YesNo(), About: "It may be empty.", Default: "false", Example: "true"},
	{Name: "if_there", Is: source.YesNo(), About: "Its label may be absent too.", Default: "false", Example: "true"},
	{Name: "match", Is: source.Words("regular expression with one group"), About: "Takes the group of the pattern.", Default: "the whole text", Example: "'^Nr\\. (\\d+)$'"},
	{Name: "values", Is: source.Named(source.Text()), About: "Translates the words of the application; it knows no others.", Default: "the text as it is", Example: "{zugestellt: delivered}"},
}

// cellShape is a value beside a label or under a heading: its name, or more.
var cellShape = source.NamedPart("value", "What is made of a text on the page: the name under which the robot knows it, or more.",
	source.Either(source.Text(), valueShape))

var valueShape = source.Record(valueFields...)

var readOneShape = source.Record(append([]source.Field{
	{Name: "from", Is: targetShape, Required: true, About: "The place.", Example: "{label: Status}"},
}, valueFields...)...)

var readLabelsShape = source.Record(
	source.Field{Name: "frame", Is: source.Text(), About: "The frame of all of them.", Default: "the page itself", Example: "main"},
	source.Field{Name: "in", Is: targetShape, About: "They are within that element.", Default: "anywhere", Example: "{css: fieldset}"},
	source.Field{Name: "near", Is: targetShape, About: "They are near that element.", Default: "anywhere", Example: "{text: Rechnung}"},
	source.Field{Name: "labels", Is: source.Named(cellShape), Required: true, About: "Several values by the labels beside them.", Example: "{Versandt am: {as: shipped_on, type: date}}"},
)

var stepShape = source.Part("step", "One step of a robot: exactly one of the things that it can do.",
	append([]source.Field{
		{Name: "goto", Is: source.Either(source.Template(), gotoShape), About: "Opens a path or an address.", Example: "/orders"},
		{Name: "click", Is: targetShape, About: "Clicks the one element.", Example: "{button: Suchen}"},
		{Name: "fill", Is: fillShape, About: "Types into a field and reads back what it holds.", Example: "{into: {label: Nummer}, value: '${input.number}'}"},
		{Name: "select", Is: fillShape, About: "Chooses the one option with exactly this label or value.", Example: "{into: {label: Status}, value: Offen}"},
		{Name: "key", Is: source.Either(source.Choice(sortedKeys(keys)...), keyShape), About: "Presses a key.", Example: "Enter"},
		{Name: "table", Is: tableShape, About: "Reads rows by their headings.", Example: "{from: {frame: main}, columns: {Beleg: number}, as: found}"},
		{Name: "expect", Is: targetShape, About: "Waits until it is seen.", Example: "{text: Auftrag}"},
		{Name: "each", Is: eachShape, About: "Does steps for each item of a list.", Example: "{of: '${rows}', as: row, do: [{goto: '${row.link}'}]}"},
		{Name: "read", Is: source.Either(readOneShape, readLabelsShape), About: "Reads one value from a place, or several by their labels.", Example: "{from: {label: Status}, as: status}"},
		{Name: "do", Is: stepsShape, About: "A block of steps, for when or seen.", Example: "[{click: {link: Weiter}}]"},
		{Name: "assert", Is: source.Condition(), About: "Ends the run if this is false.", Example: "found == input.number"},
		{Name: "fail", Is: source.Choice(pageClasses()...), About: "Ends the run with this class.", Example: "not_found"},
		{Name: "when", Is: source.Condition(), About: "The step is done only if this holds.", Default: "it is done", Example: "count > 0"},
		{Name: "seen", Is: targetShape, About: "The step is done only if this is on the page now.", Default: "it is done", Example: "{text: Kein Treffer}"},
		{Name: "within", Is: source.Span(), About: "How long it may take.", Default: "limits.step of the system", Example: "30s"},
		{Name: "class", Is: source.Choice(pageClasses()...), About: "Beside assert: the class of the error.", Default: "drift", Example: "not_found"},
		{Name: "message", Is: source.Template(), About: "Beside assert and fail: what is wrong.", Example: "the list is of another number"},
		{Name: "optional", Is: source.Text(), About: "Accepted, and not used: when and seen say when a step is done.", Example: "false"},
		{Name: "run", Is: source.Choice("find"), About: "In verify: does the steps of find again.", Example: "find"},
	}, append(furtherSteps(), refused(laterSteps...)...)...)...)

var gotoShape = source.Record(
	source.Field{Name: "url", Is: source.Template(), Required: true, About: "The path or address.", Example: "/orders"},
	source.Field{Name: "frame", Is: source.Text(), About: "The frame in which it is opened.", Default: "the page itself", Example: "main"},
)

var fillShape = source.Record(
	source.Field{Name: "into", Is: targetShape, Required: true, About: "The field.", Example: "{label: Nummer}"},
	source.Field{Name: "value", Is: source.Template(), Required: true, About: "What is put in; here, and only here, secret can be read.", Example: "'${secret.password}'"},
	source.Field{Name: "key", Is: source.Choice(sortedKeys(keys)...), About: "The key that is pressed then.", Default: "the field is left", Example: "Enter"},
	source.Field{Name: "becomes", Is: source.Choice("any"), About: "What the page may make of it before the commit: any is anything, as the name where a code was typed. The request must hold what the page made, or what was put in.", Default: "the same value, as the application writes it", Example: "any"},
)

// tickShape is a box to tick, by itself or with what the page may make of it.
var tickShape = source.Either(targetShape, tickRecord)

var tickRecord = source.Record(
	source.Field{Name: "into", Is: targetShape, Required: true, About: "The box.", Example: "{label: Express}"},
	source.Field{Name: "becomes", Is: source.Choice("any"), About: "What the page may make of it before the commit: any is ticked or not, as where it takes a line over and empties it for the next.", Default: "as it was ticked", Example: "any"},
)

var keyShape = source.Record(
	source.Field{Name: "press", Is: source.Choice(sortedKeys(keys)...), Required: true, About: "The key.", Example: "F8"},
	source.Field{Name: "on", Is: targetShape, About: "The element that gets it.", Default: "the one with the focus", Example: "{label: Nummer}"},
)

var eachShape = source.Record(
	source.Field{Name: "of", Is: source.Template(), Required: true, About: "The list.", Example: "'${rows}'"},
	source.Field{Name: "as", Is: source.Matching("name", nameForm.String()), Required: true, About: "The name of the item.", Example: "row"},
	source.Field{Name: "do", Is: stepsShape, Required: true, About: "The steps for each item.", Example: "[{goto: '${row.link}'}]"},
	source.Field{Name: "into", Is: source.Matching("name", nameForm.String()), About: "The name of the list of what they read.", Default: "it is not kept", Example: "details"},
)

var tableShape = source.Record(
	source.Field{Name: "from", Is: fromShape, Required: true, About: "Where the table is.", Example: "{frame: main}"},
	source.Field{Name: "columns", Is: source.Named(cellShape), Required: true, About: "The headings, and what is made of their values.", Example: "{Beleg: number, Betrag: {as: total, type: money}}"},
	source.Field{Name: "pages", Is: pagesShape, About: "How the next pages are reached.", Default: "there is one page", Example: "{next: {link: Weiter}, max: 20}"},
	source.Field{Name: "where", Is: source.Named(source.Template()), About: "The rows to keep, by the values read.", Default: "all", Example: "{number: '${input.number}'}"},
	source.Field{Name: "as", Is: source.Matching("name", nameForm.String()), Required: true, About: "The name of the rows.", Example: "found"},
	source.Field{Name: "expect", Is: source.Matching("number of rows", countForm.String()), About: "How many rows there may be. Fewer are not_found or drift, more are not_unique.", Default: "any number", Example: "0..1"},
	source.Field{Name: "open", Is: openShape, About: "Follows the link in each kept row; what is read there joins the row.", Example: "{column: Beleg, do: [{expect: {text: Beleg}}]}"},
)

var fromShape = source.Record(
	source.Field{Name: "frame", Is: source.Text(), About: "The frame that it is in.", Default: "the page itself", Example: "main"},
	source.Field{Name: "in", Is: targetShape, About: "The element that it is in.", Default: "anywhere", Example: "{css: fieldset}"},
	source.Field{Name: "headers", Is: source.OneOrMore(source.Text()), About: "Further headings that it must have.", Default: "none", Example: "[Pos, Artikel]"},
	source.Field{Name: "wrapped", Is: source.Text(), About: "Records go on in the next line: rows that are empty under this heading belong to the one before.", Default: "each row is a record", Example: "Pos"},
)

var pagesShape = source.Record(
	source.Field{Name: "next", Is: targetShape, Required: true, About: "The link to the next page.", Example: "{link: Weiter}"},
	source.Field{Name: "max", Is: source.Whole(), About: "How many pages are read at most.", Default: "20", Example: "50"},
)

var openShape = source.Record(
	source.Field{Name: "column", Is: source.Text(), Required: true, About: "The heading under which the link is.", Example: "Beleg"},
	source.Field{Name: "do", Is: stepsShape, Required: true, About: "The steps on the page behind it.", Example: "[{expect: {text: Beleg}}]"},
	source.Field{Name: "back", Is: targetShape, About: "The way back.", Default: "the browser's own", Example: "{link: Zurück}"},
)

// systemShape describes a system file.
var systemShape = source.Record([]source.Field{
	{Name: "system", Is: source.Text(), Required: true, About: "The name of the application.", Example: "acme-erp"},
	{Name: "title", Is: source.Text(), About: "The name for people.", Default: "the name", Example: "Acme ERP"},
	{Name: "base", Is: source.Matching("web address", `^https?://.+$`), Required: true, About: "The address that paths are relative to; a workspace may replace it.", Example: "https://erp.acme.example"},
	{Name: "allow", Is: source.OneOrMore(source.Text()), About: "Further hosts that pages may load from, as host or host:port.", Default: "none", Example: "[images.acme.example]"},
	{Name: "reads_by_post", Is: source.OneOrMore(source.Either(source.Text(), readRequestShape)), About: "Addresses that may be posted to, because they only search; * stands for anything.", Default: "none", Example: "['*/search*', {url: '*/is.pl', form: {action: Update}}]"},
	{Name: "get_may_write", Is: source.YesNo(), About: "The application changes things by GET too: then only what reads_by_get declares passes.", Default: "false", Example: "true"},
	{Name: "reads_by_get", Is: source.OneOrMore(source.Either(source.Text(), readRequestShape)), About: "With get_may_write: the addresses that only read.", Default: "none", Example: "['/styles/*', {url: '*/orders.php', form: {do: list}}]"},
	{Name: "browser", Is: browserShape, About: "The browser, and how the application writes numbers and dates.", Example: "{locale: de-DE, numbers: '1.234,56', dates: dd.MM.yyyy}"},
	{Name: "limits", Is: limitsShape, About: "How long things may take, and how many sessions there may be.", Example: "{per_credential: 1, step: 10s, run: 2m}"},
	{Name: "session", Is: sessionShape, About: "How it is logged in to.", Default: "there is no login", Example: "{secrets: [user], alive: {link: Abmelden}, login: [{fill: {into: {label: Name}, value: '${secret.user}'}}]}"},
	{Name: "errors", Is: source.ListOf(errorShape), About: "How the application shows errors; looked at on every page that arrives.", Default: "by the HTTP status", Example: "[{seen: {text: /Wartung/}, class: unavailable}]"},
	{Name: "dialogs", Is: dialogsShape, About: "What is done about boxes that pop up.", Default: "a box ends the run as drift", Example: "{default: fail, accept: ['/^Wirklich anzeigen/']}"},
	{Name: "interrupts", Is: source.ListOf(interruptShape), About: "What a page may show at any time and has to be put out of the way: notices, questions about cookies.", Default: "none", Example: "[{seen: {css: '#notice'}, do: [{click: {button: Verstanden}}]}]"},
	{Name: "human", Is: source.ListOf(humanShape), About: "What a page may show at any time and only a person can pass: a captcha, a code, a new password.", Default: "none", Example: "[{seen: {text: /Neues Kennwort/}, ask: {what: login, title: Set a new password}}]"},
}...)

var browserShape = source.Record(
	source.Field{Name: "kind", Is: source.Choice(string(Shell), string(Full)), About: "A browser without a window system, or a whole one.", Default: string(Shell), Example: string(Full)},
	source.Field{Name: "viewport", Is: source.Matching("WIDTHxHEIGHT", `^[0-9]+x[0-9]+$`), About: "The size of the page.", Default: "1280x900", Example: "1280x900"},
	source.Field{Name: "locale", Is: source.Text(), About: "The language of the browser.", Default: "that of the machine", Example: "de-DE"},
	source.Field{Name: "timezone", Is: source.Text(), About: "The time zone of the browser.", Default: "that of the machine", Example: "Europe/Berlin"},
	source.Field{Name: "numbers", Is: source.Words("number"), About: "The number 1234.56 as the application writes it.", Default: "1234.56", Example: "'1.234,56'"},
	source.Field{Name: "dates", Is: source.OneOrMore(source.Words("date pattern")), About: "How the application writes dates, of d, dd, M, MM, yy and yyyy.", Default: "dates cannot be read", Example: "dd.MM.yyyy"},
)

var limitsShape = source.Record(append([]source.Field{
	{Name: "per_credential", Is: source.Whole(), About: "How many sessions of one account there may be at a time.", Default: "1", Example: "2"},
	{Name: "step", Is: source.Span(), About: "How long a step may take.", Default: "10s", Example: "20s"},
	{Name: "run", Is: source.Span(), About: "How long a run may take.", Default: "2m", Example: "90s"},
	{Name: "per_minute", Is: source.Whole(), About: "How many runs may begin in a minute, of all processes together.", Default: "any number", Example: "20"},
	{Name: "hours", Is: source.Matching("opening hours", hoursForm.String()), About: "When the application may be used; at other times it is unavailable until it opens.", Default: "always", Example: "Mon-Fri 06:00-20:00 Europe/Berlin"},
	{Name: "stop_after_failures", Is: source.Whole(), About: "After so many failures in a row (unavailable, auth, drift) it is left alone for five minutes.", Default: "never", Example: "3"},
}, refused("sessions")...)...)

var sessionShape = source.Record(
	source.Field{Name: "secrets", Is: source.OneOrMore(source.Text()), About: "The names of the secrets that the login needs.", Default: "none", Example: "[user, password]"},
	source.Field{Name: "start", Is: source.Text(), About: "Where a kept login is tried.", Default: "/", Example: "/home"},
	source.Field{Name: "alive", Is: targetShape, Required: true, About: "What only somebody who is logged in sees.", Example: "{link: Abmelden}"},
	source.Field{Name: "lost", Is: targetShape, About: "What shows that the login has ended, beside its form.", Example: "{text: /Sitzung abgelaufen/i}"},
	source.Field{Name: "max_age", Is: source.Span(), About: "How long a login is kept.", Default: "30m", Example: "8h"},
	source.Field{Name: "login", Is: source.ListOf(stepShape), Required: true, About: "The steps that log in.", Example: "[{goto: /login}, {fill: {into: {label: Name}, value: '${secret.user}'}}]"},
)

var errorShape = source.Record(append([]source.Field{
	{Name: "seen", Is: targetShape, About: "What is on the page. Beside when, both must hold.", Example: "{css: h2.error}"},
	{Name: "when", Is: source.Condition(), About: "A condition on response.status and response.url.", Example: "response.status >= 500"},
	{Name: "dialog", Is: source.Words("text or /regular expression/"), About: "The text of a box that pops up.", Example: "/keine Berechtigung/i"},
	{Name: "class", Is: source.Choice(pageClasses()...), Required: true, About: "The class of the error.", Example: "unavailable"},
	{Name: "message", Is: source.Text(), About: "What is wrong.", Default: "the text that was seen", Example: "Acme ERP is under maintenance"},
	{Name: "read", Is: targetShape, About: "Where the message is.", Default: "what was seen", Example: "{css: p.reason}"},
	{Name: "retry_after", Is: source.Span(), About: "How long it is left alone.", Default: "by the class", Example: "30m"},
}, refused("code")...)...)

var dialogsShape = source.Record(
	source.Field{Name: "default", Is: source.Choice("fail", "accept", "dismiss"), About: "What is done about a box that no pattern knows.", Default: "fail", Example: "dismiss"},
	source.Field{Name: "accept", Is: source.ListOf(source.Words("text or /regular expression/")), About: "Boxes that are accepted.", Default: "none", Example: "['/^Wirklich anzeigen/']"},
	source.Field{Name: "dismiss", Is: source.ListOf(source.Words("text or /regular expression/")), About: "Boxes that are dismissed.", Default: "none", Example: "[]"},
)

// Formats describes the files of robots and of the applications that they work with.
func Formats() []*source.Format {
	return []*source.Format{
		{Name: "robot", Title: "Robot", Files: "robots/NAME.yaml", Page: "robots.md", Root: robotShape,
			About: "How an operation is carried out in the pages of an application that has no API."},
		{Name: "robot-system", Title: "Application of robots", Files: "robots/NAME.system.yaml", Page: "robots.md", Root: systemShape,
			About: "The facts of one web application that all its robots share."},
	}
}
