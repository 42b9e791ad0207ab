package workspace

import (
	"strings"

	"crosswalk/adapters"
	"crosswalk/source"
)

// secretShape is where a secret is kept.
var secretShape = source.Matching("env:NAME or file:PATH", `^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$`)

// configShape describes crosswalk.yaml.
var configShape = source.Record(
	source.Field{Name: "company", Is: source.Text(), About: "The name of the company, in mails and on forms.", Example: "Acme Lamps"},
	source.Field{Name: "url", Is: source.Text(), About: "Where people reach the desk, for links in mails; env:NAME takes it from the environment.", Default: "the address that the desk listens on", Example: "https://crosswalk.acme.example"},
	source.Field{Name: "systems", Is: source.Named(systemShape), About: "The systems by their names: what stands before the point in call: crm.find_customer.", Example: "{crm: {contract: crm, drivers: [{person: front-desk}]}}"},
	source.Field{Name: "usecases", Is: source.ListOf(source.Text()), About: "Use cases of the catalogue that are in force beside those in usecases/.", Default: "those that something starts or runs", Example: "[customer-complaint]"},
	source.Field{Name: "intake", Is: source.Named(sourceShape), About: "Where messages come from, by the names of the sources, and what each message does.", Example: "{mail: {mail: {listen: '127.0.0.1:2525'}, starts: question, with: {text: '${mail.text}'}}}"},
	source.Field{Name: "people", Is: peopleShape, About: "Where people, their roles and queues are described.", Default: "nobody is known", Example: "{roles: roles.yaml}"},
	source.Field{Name: "mail", Is: mailShape, About: "How mail leaves the house.", Default: "no mail is sent", Example: "{server: 'smtp.acme.example:587', from: 'Acme <help@acme.example>'}"},
	source.Field{Name: "retention", Is: retentionShape, About: "How long things are kept.", Example: "{history: 30 days}"},
	source.Field{Name: "network", Is: networkShape, About: "Which private addresses may be reached.", Default: "none", Example: "{allow: ['10.0.0.5:8443']}"},
	source.Field{Name: "calendars", Is: source.Named(calendarShape), About: "When people work, by the names of the calendars.", Example: "{office: {zone: Europe/Berlin, hours: 'Mon-Fri 09:00-17:00'}}"},
	source.Field{Name: "schedules", Is: source.Named(scheduleShape), About: "What the clock starts again and again, by name.", Example: "{reminder: {cron: '0 9 * * Mon', starts: question}}"},
	source.Field{Name: "pollers", Is: source.Named(pollerShape), About: "Systems that are asked again and again what is new, by name.", Example: "{returns: {every: 10 minutes, call: warehouse.list_returns, items: '${result.returns}', id: '${item.number}', each: {starts: return}}}"},
)

var systemShape = source.Part("system", "A system: what kind it is, and how it is reached.",
	source.Field{Name: "contract", Is: source.Text(), Required: true, About: "What kind of system it is: which operations it has.", Example: "crm"},
	source.Field{Name: "title", Is: source.Text(), About: "The name for people.", Default: "its name", Example: "Customer database"},
	source.Field{Name: "drivers", Is: source.ListOf(driverShape), Required: true, About: "The ways to reach it, tried in order. A write goes on to the next one only if it is certain that nothing was sent.", Example: "[{adapter: hubspot, secrets: {token: 'env:HUBSPOT_TOKEN'}}, {person: front-desk}]"},
	source.Field{Name: "limits", Is: source.OneOrMore(adapters.LimitShape()), About: "How hard it may be used; it replaces what the adapter says.", Default: "what the adapter says", Example: "{per_minute: 200}"},
	source.Field{Name: "off", Is: source.YesNo(), About: "Nothing is called; the cases that need it wait.", Default: "false", Example: "true"},
)

// tlsShape is what a connection is encrypted with.
var tlsShape = source.Record(
	source.Field{Name: "certificate", Is: secretShape, About: "Where our certificate is kept, as PEM.", Example: "file:crm.pem"},
	source.Field{Name: "key", Is: secretShape, About: "Where its private key is kept, as PEM without a password.", Example: "file:crm.key"},
	source.Field{Name: "ca", Is: secretShape, About: "Where the certificates of the authority are kept that vouches for the system, as PEM.", Example: "file:our-ca.pem"},
)

var driverShape = source.Part("driver", "A way to reach a system: exactly one of adapter, robot, person and desk.",
	source.Field{Name: "adapter", Is: source.Text(), About: "The API of the product, by the name of the adapter.", Example: "hubspot"},
	source.Field{Name: "robot", Is: source.Text(), About: "The pages of the application, by the name of its system file.", Example: "versanddesk"},
	source.Field{Name: "person", Is: source.Text(), About: "Somebody of the queue does it by hand and says what came out.", Example: "front-desk"},
	source.Field{Name: "desk", Is: source.Choice("people"), About: "The desk answers itself, from the people of the workspace.", Example: "people"},
	source.Field{Name: "secrets", Is: source.Named(secretShape), About: "Where the secrets are kept that the adapter or robot asks for.", Example: "{token: 'env:HUBSPOT_TOKEN'}"},
	source.Field{Name: "settings", Is: source.Named(source.Tree()), About: "The settings that the adapter asks for; env:NAME takes one from the environment.", Example: "{account: acme}"},
	source.Field{Name: "base_url", Is: source.Text(), About: "Replaces the address of the adapter or robot; env:NAME takes it from the environment.", Default: "the adapter's own", Example: "https://test.example.com"},
	source.Field{Name: "tls", Is: tlsShape, About: "How an adapter's connection is encrypted, if not as usual: a certificate that shows who we are, an authority of your own.", Default: "none, and the authorities that the machine trusts", Example: "{certificate: 'file:crm.pem', key: 'file:crm.key', ca: 'file:our-ca.pem'}"},
	source.Field{Name: "next_on", Is: source.OneOrMore(source.Choice(passedOn...)), About: "Further errors after which the next driver is tried, beside unavailable: the system asks for patience, does not let us in, or answers otherwise than expected. A write goes on only if it is certain that nothing was sent.", Default: "none", Example: "[auth, rate_limited]"},
	source.Field{Name: "off", Is: source.YesNo(), About: "The driver is not used.", Default: "false", Example: "true"},
)

var sourceShape = source.Part("source", "A source of messages: exactly one of mail, form, note, social and webhook says where they come from, exactly one of starts, event and completes what one does. Expressions see the message under the name of its kind.",
	source.Field{Name: "mail", Is: source.Either(source.Nothing(), mailSourceShape), About: "Mail, by SMTP.", Example: "{listen: '127.0.0.1:2525'}"},
	source.Field{Name: "form", Is: source.Either(source.Nothing(), formShape), About: "A page for customers.", Example: "{path: ask}"},
	source.Field{Name: "note", Is: source.Either(source.Nothing(), noteShape), About: "The form in the desk for what is said on the phone.", Example: "{}"},
	source.Field{Name: "social", Is: hookShape, About: "The webhook of a social network.", Example: "{verify: {scheme: x, secret: 'env:X_SECRET'}}"},
	source.Field{Name: "webhook", Is: hookShape, About: "Another program.", Example: "{verify: {scheme: standard-webhooks, secret: 'env:PARTNER_SECRET'}}"},
	source.Field{Name: "title", Is: source.Text(), About: "The name for people.", Default: "its name", Example: "Ask us"},
	source.Field{Name: "starts", Is: source.Text(), About: "The use case that a message starts.", Example: "customer-complaint"},
	source.Field{Name: "event", Is: source.Text(), About: "The event that a message is.", Example: "goods-returned"},
	source.Field{Name: "key", Is: source.Template(), About: "Of an event: which case is meant.", Example: "'${webhook.fields.order}'"},
	source.Field{Name: "with", Is: source.Tree(), About: "The input of the use case, or what the event tells.", Default: "nothing", Example: "{text: '${mail.text}'}"},
	source.Field{Name: "dedupe", Is: source.Template(), About: "Messages for which this text is the same are one.", Default: "the sender's own id, else the content", Example: "'${webhook.id}'"},
	source.Field{Name: "joins", Is: joinsShape, About: "When a message belongs to a case that is open, instead of starting one.", Default: "both ways", Example: "{contact: false}"},
	source.Field{Name: "completes", Is: completesShape, About: "The message says that a task of a support system was solved.", Example: "{system: support, task: '${text(webhook.fields.ticket)}'}"},
	source.Field{Name: "acknowledge", Is: source.Either(source.YesNo(), acknowledgeShape), About: "The mail that the sender gets, once: true for the product's own words. Automatic mail is never answered.", Default: "none", Example: "true"},
)

var mailSourceShape = source.Record(
	source.Field{Name: "listen", Is: source.Text(), About: "Where mail is taken in.", Default: "127.0.0.1:2525", Example: "127.0.0.1:2525"},
)

var formShape = source.Record(
	source.Field{Name: "path", Is: source.Matching("name", plainName.String()), About: "The last part of its address.", Default: "the name of the source", Example: "ask"},
	source.Field{Name: "per_minute", Is: source.Whole(), About: "How many messages one sender may send in a minute.", Default: "10", Example: "5"},
)

var noteShape = source.Record(
	source.Field{Name: "path", Is: source.Text(), About: "Accepted, and not used.", Example: "phone"},
)

var hookShape = source.Record(
	source.Field{Name: "path", Is: source.Matching("name", plainName.String()), About: "The last part of its address.", Default: "the name of the source", Example: "partner"},
	source.Field{Name: "verify", Is: verifyShape, Required: true, About: "How a request proves who sent it.", Example: "{scheme: standard-webhooks, secret: 'env:PARTNER_SECRET'}"},
	source.Field{Name: "per_minute", Is: source.Whole(), About: "How many messages one sender may send in a minute.", Default: "1200", Example: "100"},
)

var verifyShape = source.Record(
	source.Field{Name: "scheme", Is: source.Text(), Required: true, About: "The adapter whose product sends, as in stripe; or standard-webhooks, x, token (the address ends with the secret) or none, which must be said.", Example: VerifyStandard},
	source.Field{Name: "secret", Is: source.OneOrMore(secretShape), About: "Where the secret is kept.", Example: "env:PARTNER_SECRET"},
	source.Field{Name: "secrets", Is: source.OneOrMore(secretShape), About: "Several, while one is being changed.", Example: "['env:OLD_SECRET', 'env:NEW_SECRET']"},
	source.Field{Name: "address", Is: source.Text(), About: "Our address as the sender knows it, for products that sign it too.", Default: "https and the host that was asked", Example: "https://hooks.acme.example"},
)

var joinsShape = source.Record(
	source.Field{Name: "thread", Is: source.YesNo(), About: "It answers a message of the case.", Default: "true", Example: "true"},
	source.Field{Name: "contact", Is: source.YesNo(), About: "It comes from somebody who wrote in the case.", Default: "true", Example: "false"},
	source.Field{Name: "within", Is: source.Span(), About: "How long after the last message of the case.", Default: "as long as the case is open", Example: "14 days"},
)

var completesShape = source.Record(
	source.Field{Name: "system", Is: source.Text(), Required: true, About: "The system that the task is in.", Example: "support"},
	source.Field{Name: "when", Is: source.Condition(), About: "The message counts only if this holds.", Default: "every message does", Example: "webhook.fields.status == \"solved\""},
	source.Field{Name: "task", Is: source.Template(), Required: true, About: "The id of the task.", Example: "'${text(webhook.fields.ticket)}'"},
	source.Field{Name: "outcome", Is: source.Template(), About: "How the task ended.", Default: "the first of its outcomes", Example: "'${webhook.fields.resolution}'"},
	source.Field{Name: "by", Is: source.Template(), About: "Who solved it.", Example: "'${webhook.fields.agent}'"},
)

var acknowledgeShape = source.Record(
	source.Field{Name: "subject", Is: source.Template(), About: "The subject; it sees the message and case.", Default: "the product's own words", Example: "'We have your question ${case.reference}'"},
	source.Field{Name: "text", Is: source.Template(), About: "The text; it sees the message and case.", Default: "the product's own words", Example: "You will hear from us."},
)

var peopleShape = source.Record(
	source.Field{Name: "roles", Is: source.Text(), About: "The file with users, queues and roles, inside the workspace.", Example: "roles.yaml"},
)

var mailShape = source.Record(
	source.Field{Name: "server", Is: source.Text(), Required: true, About: "The mail server, as host:port; env:NAME takes it from the environment.", Example: "'smtp.acme.example:587'"},
	source.Field{Name: "from", Is: source.Text(), Required: true, About: "The sender of every mail.", Example: "'Acme Lamps <help@acme.example>'"},
	source.Field{Name: "username", Is: source.Text(), About: "The login; env:NAME takes it from the environment.", Default: "none", Example: "crosswalk"},
	source.Field{Name: "password", Is: secretShape, About: "Where the password is kept.", Default: "none", Example: "env:SMTP_PASSWORD"},
	source.Field{Name: "tls", Is: source.Choice("starttls", "tls", "none"), About: "How the connection is encrypted.", Default: "starttls", Example: "tls"},
)

var retentionShape = source.Record(
	source.Field{Name: "history", Is: source.Span(), About: "How long Temporal keeps the history of a case that has ended.", Default: "30 days", Example: "30 days"},
	source.Field{Name: "record", Is: source.Span(), About: "How long all that is known of a case is kept after its end: longer than its history.", Default: "for ever", Example: "2555 days"},
	source.Field{Name: "intake", Is: source.Span(), About: "How long messages that came in are kept, with their files; those of an open case as long as it is open.", Default: "for ever", Example: "365 days"},
	source.Field{Name: "events", Is: source.Span(), About: "How long events are kept that no case waited for.", Default: "30 days", Example: "60 days"},
)

var networkShape = source.Record(
	source.Field{Name: "allow", Is: source.ListOf(source.Text()), About: "Hosts with ports, or addresses; env:NAME takes one from the environment.", Default: "none", Example: "['10.0.0.5:8443']"},
)

var calendarShape = source.Record(
	source.Field{Name: "zone", Is: source.Text(), Required: true, About: "The time zone, as the zone database names it.", Example: "Europe/Berlin"},
	source.Field{Name: "hours", Is: source.OneOrMore(source.Words("days with hours")), Required: true, About: "When people work. Hours over midnight are two stretches.", Example: "['Mon-Thu 09:00-12:00 13:00-17:00', 'Fri 09:00-15:00']"},
	source.Field{Name: "holidays", Is: source.Text(), About: "A CSV file in the workspace with the columns date and name.", Default: "none", Example: "holidays.csv"},
)

var scheduleShape = source.Record(
	source.Field{Name: "title", Is: source.Text(), About: "The name for people.", Default: "its name", Example: "Weekly reminder"},
	source.Field{Name: "cron", Is: source.Words("cron line"), About: "Minute, hour, day, month and day of the week. Either this or every.", Example: "'0 9 * * Mon-Fri'"},
	source.Field{Name: "every", Is: source.Span(), About: "How often. Either this or cron.", Example: "15 minutes"},
	source.Field{Name: "calendar", Is: source.Text(), About: "Whose clock it is.", Default: "UTC", Example: "office"},
	source.Field{Name: "working_days", Is: source.YesNo(), About: "Only on days on which the calendar has work.", Default: "false", Example: "true"},
	source.Field{Name: "starts", Is: source.Text(), About: "The use case that is started.", Example: "question"},
	source.Field{Name: "event", Is: source.Text(), About: "In place of starts: the event that is told.", Example: "month-ended"},
	source.Field{Name: "key", Is: source.Template(), About: "Of the event: which case is meant.", Example: "'${schedule.date}'"},
	source.Field{Name: "with", Is: source.Tree(), About: "The input of the use case, or what the event tells; it sees schedule.", Default: "nothing", Example: "{on: '${schedule.date}'}"},
)

var pollerShape = source.Record(
	source.Field{Name: "title", Is: source.Text(), About: "The name for people.", Default: "its name", Example: "Returned goods"},
	source.Field{Name: "every", Is: source.Span(), Required: true, About: "How often.", Example: "10 minutes"},
	source.Field{Name: "call", Is: source.Text(), Required: true, About: "The operation that reads.", Example: "warehouse.list_returns"},
	source.Field{Name: "with", Is: source.Tree(), About: "Its input; it sees cursor, which is missing at first.", Default: "nothing", Example: "{since: '${cursor}'}"},
	source.Field{Name: "items", Is: source.Template(), Required: true, About: "The list in the result.", Example: "'${result.returns}'"},
	source.Field{Name: "id", Is: source.Template(), Required: true, About: "A text that tells two items apart.", Example: "'${item.number}'"},
	source.Field{Name: "cursor", Is: source.Template(), About: "With what the next call goes on; it sees the result and the last item.", Default: "everything is read again, and known by its id", Example: "'${result.next}'"},
	source.Field{Name: "each", Is: eachShape, Required: true, About: "What is done with each item that did not come before.", Example: "{starts: return, with: {number: '${item.number}'}}"},
)

var eachShape = source.Record(
	source.Field{Name: "starts", Is: source.Text(), About: "The use case that is started.", Example: "return"},
	source.Field{Name: "event", Is: source.Text(), About: "In place of starts: the event that is told.", Example: "goods-returned"},
	source.Field{Name: "key", Is: source.Template(), About: "Of the event: which case is meant.", Example: "'${item.order}'"},
	source.Field{Name: "with", Is: source.Tree(), About: "The input of the use case, or what the event tells; it sees item.", Default: "nothing", Example: "{number: '${item.number}'}"},
)

// rolesShape describes the file of people.
var rolesShape = source.Record(
	source.Field{Name: "users", Is: source.ListOf(userShape), About: "Who works with the desk.", Example: "[{name: Ada Lamp, email: ada@acme.example, roles: [agent]}]"},
	source.Field{Name: "queues", Is: source.Named(source.Either(source.Nothing(), queueShape)), About: "The queues of tasks, by their names.", Example: "{front-desk: {title: Front desk, roles: [agent]}}"},
	source.Field{Name: "repair", Is: repairShape, About: "Which roles may do what to cases that do not go on by themselves.", Example: "{move: [operator]}"},
)

var queueShape = source.Record(
	source.Field{Name: "title", Is: source.Text(), About: "The name for people.", Default: "its name", Example: "Front desk"},
	source.Field{Name: "roles", Is: source.OneOrMore(source.Text()), About: "Who has one of these roles serves the queue.", Default: "those users who name the queue", Example: "[agent]"},
)

// repairing says what the acts are, for people.
var repairing = map[string]string{"retry": "try a step again", "answer": "give the result of a step by hand", "skip": "let a case go on without the result of a step",
	"redo": "do a step and all that follow again", "cancel": "cancel a case", "move": "move a case to the version that is in force"}

var repairShape = func() *source.Shape {
	fields := make([]source.Field, 0, len(RepairActs))
	for _, act := range RepairActs {
		fields = append(fields, source.Field{Name: act, Is: source.OneOrMore(source.Text()), About: "The roles that may " + repairing[act] + ".", Default: strings.Join(repairers[act], ", "), Example: "[operator]"})
	}
	return source.Record(fields...)
}()

var userShape = source.Part("user", "Somebody who works with the desk.",
	source.Field{Name: "name", Is: source.Text(), Required: true, About: "The name for people.", Example: "Ada Lamp"},
	source.Field{Name: "email", Is: source.Text(), Required: true, About: "The e-mail address, which is the login.", Example: "ada@acme.example"},
	source.Field{Name: "password_hash", Is: source.Matching("argon2id hash", argonHash.String()), About: "The password as an argon2id hash. Either this or password.", Default: "nobody can log in as the user", Example: "'$argon2id$v=19$m=65536,t=1,p=2$c2FsdHNhbHQ$aGFzaGhhc2g'"},
	source.Field{Name: "password", Is: secretShape, About: "Where the password is kept. Either this or password_hash.", Default: "nobody can log in as the user", Example: "env:ADA_PASSWORD"},
	source.Field{Name: "roles", Is: source.OneOrMore(source.Text()), About: "The roles.", Default: "none", Example: "[agent, support-lead]"},
	source.Field{Name: "queues", Is: source.OneOrMore(source.Text()), About: "The queues from which the user takes tasks, beside those of the roles.", Default: "none", Example: "[front-desk]"},
	source.Field{Name: "skills", Is: source.OneOrMore(source.Text()), About: "What the user is good at; use cases can look for it.", Default: "none", Example: "[complaints]"},
	source.Field{Name: "languages", Is: source.OneOrMore(source.Matching("language code", languageCode.String())), About: "The languages that the user speaks.", Default: "none", Example: "[en, de]"},
	source.Field{Name: "absent", Is: source.ListOf(absenceShape), About: "When the user is away, and who stands in.", Default: "never", Example: "[{from: 2026-08-03, to: 2026-08-14, deputy: ben@acme.example}]"},
)

var absenceShape = source.Record(
	source.Field{Name: "from", Is: source.Words("date"), Required: true, About: "The first day.", Example: "2026-08-03"},
	source.Field{Name: "to", Is: source.Words("date"), Required: true, About: "The last day.", Example: "2026-08-14"},
	source.Field{Name: "deputy", Is: source.Text(), About: "Who has the roles and queues of both meanwhile, by e-mail address.", Default: "nobody", Example: "ben@acme.example"},
)

// Formats describes crosswalk.yaml and the file of people.
func Formats() []*source.Format {
	return []*source.Format{
		{Name: "crosswalk", Title: "The workspace", Files: configFile, Page: "workspace.md", Root: configShape,
			About: "The systems, where messages come from, who the people are, and what the clock does."},
		{Name: "roles", Title: "People", Files: "roles.yaml, or what people: names", Page: "workspace.md", Root: rolesShape,
			About: "The people who work with the desk, their roles, and the queues of tasks."},
	}
}
