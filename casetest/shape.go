package casetest

import (
	"crosswalk/contracts"
	"crosswalk/source"
)

// sharedFields are those that the file may give for all of its tests.
var sharedFields = []source.Field{
	{Name: "at", Is: source.Words("date-time"), About: "When the case starts.", Default: "2026-01-05T09:00:00Z", Example: "'2026-11-23T09:00:00Z'"},
	{Name: "case", Is: metaShape, About: "What is known of the case beside its input.", Example: "{language: de}"},
	{Name: "input", Is: source.Tree(), About: "The input of the use case. Fields of a test take the place of those of the file.", Default: "nothing", Example: "{text: The lamp is broken}"},
	{Name: "systems", Is: source.Named(source.OneOrMore(answerShape)), About: "What the systems answer, by SYSTEM.OPERATION. A call without an answer fails the test.", Default: "no call is expected", Example: "{crm.find_customer: {gives: {id: '7', name: Jane Doe}}}"},
	{Name: "runs", Is: source.Named(source.Either(source.Nothing(), source.OneOrMore(runShape))), About: "What comes of what steps run, by its name. A use case without an answer runs itself; a workflow or activity of yours never does.", Default: "use cases run themselves", Example: "{CheckCredit: {gives: {limit: 500}}}"},
	{Name: "people", Is: source.ListOf(personShape), About: "Who answers which task.", Default: "nobody answers", Example: "[{step: approval, answer: {approved: true}}]"},
	{Name: "messages", Is: source.ListOf(messageShape), About: "Messages that join the case.", Default: "none", Example: "[{after: 2 hours, text: 'Any news?'}]"},
	{Name: "events", Is: source.ListOf(eventShape), About: "What happens outside while the case runs.", Default: "nothing", Example: "[{after: 3 days, event: goods-returned, key: A-17}]"},
	{Name: "cancel", Is: source.Either(source.Nothing(), cancelShape), About: "Somebody cancels the case; nothing behind it takes back what the file says.", Default: "nobody does", Example: "{after: 1 hour, by: ada@acme.example}"},
}

// fileShape describes a file of tests.
var fileShape = source.Record(append([]source.Field{
	{Name: "usecase", Is: source.Text(), Required: true, About: "The use case that is tested.", Example: "customer-complaint"},
	{Name: "tests", Is: source.ListOf(testShape), Required: true, About: "The tests.", Example: "[{name: under warranty, expect: {outcome: done}}]"},
}, sharedFields...)...)

var testShape = source.Part("test", "One case and what must come of it. What stands at the top of the file holds for every test that does not say it itself.",
	append([]source.Field{
		{Name: "name", Is: source.Text(), Required: true, About: "What it shows, in a few words.", Example: "a lamp under warranty is replaced"},
		{Name: "expect", Is: expectShape, About: "What must come of the case. What is not named is not looked at.", Default: "it ends", Example: "{outcome: done}"},
	}, sharedFields...)...)

var metaShape = source.Record(
	source.Field{Name: "reference", Is: source.Text(), About: "The reference.", Default: "CW-TEST", Example: "CW-7F3K2M9Q"},
	source.Field{Name: "language", Is: source.Text(), About: "The language.", Default: "en", Example: "de"},
	source.Field{Name: "channel", Is: source.Text(), About: "How the message came.", Example: "email"},
	source.Field{Name: "started_by", Is: source.Text(), About: "Who started it.", Example: "ada@acme.example"},
	source.Field{Name: "title", Is: source.Text(), About: "The title.", Default: "that of the use case", Example: "Complaint about a lamp"},
)

var answerShape = source.Part("answer", "What a system answers to an operation: it gives something or fails.",
	source.Field{Name: "step", Is: source.Text(), About: "Only for calls of this step.", Default: "any step", Example: "customer"},
	source.Field{Name: "with", Is: source.Tree(), About: "Only for calls with this input.", Default: "any input", Example: "{email: jane@example.com}"},
	source.Field{Name: "when", Is: source.Condition(), About: "Only if this holds; it sees input.", Default: "always", Example: "input.quantity > 1"},
	source.Field{Name: "times", Is: source.Whole(), About: "How often; then the next answer of the list.", Default: "for ever", Example: "1"},
	source.Field{Name: "gives", Is: source.Tree(), About: "The answer.", Example: "{id: '7', name: Jane Doe}"},
	source.Field{Name: "fails", Is: source.Choice(contracts.ClassNames()...), About: "In place of gives: the class of the error.", Example: "not_found"},
	source.Field{Name: "message", Is: source.Text(), About: "With fails: its words.", Default: "as the test says", Example: "the record is locked"},
	source.Field{Name: "candidates", Is: source.Tree(), About: "With fails: not_unique, and needed there: the records that fit.", Example: "[{id: '7'}, {id: '9'}]"},
)

var runShape = source.Part("run", "What comes of something that a step runs, in place of its being run.",
	source.Field{Name: "with", Is: source.Tree(), About: "Only with this input.", Default: "any input", Example: "{company: Kettles Ltd}"},
	source.Field{Name: "when", Is: source.Condition(), About: "Only if this holds; it sees input.", Default: "always", Example: "input.amount > 100"},
	source.Field{Name: "times", Is: source.Whole(), About: "How often; then the next answer of the list.", Default: "for ever", Example: "1"},
	source.Field{Name: "after", Is: source.Span(), About: "How long it takes.", Default: "no time", Example: "2 days"},
	source.Field{Name: "gives", Is: source.Tree(), About: "What it gives; of a use case its outcome and result.", Example: "{outcome: opened, result: {number: A-7}}"},
	source.Field{Name: "fails", Is: source.Choice(contracts.ClassNames()...), About: "In place of gives: the class of the error; of a use case only declined: it was cancelled.", Example: "declined"},
	source.Field{Name: "message", Is: source.Text(), About: "With fails: its words.", Default: "as the test says", Example: "the company is not known"},
)

var cancelShape = source.Record(
	source.Field{Name: "after", Is: source.Span(), About: "How long after the case started.", Default: "at once", Example: "1 hour"},
	source.Field{Name: "undo", Is: source.YesNo(), About: "What was done is undone.", Default: "true", Example: "false"},
	source.Field{Name: "by", Is: source.Text(), About: "Who cancels it.", Default: "operator", Example: "ada@acme.example"},
)

var personShape = source.Part("person", "Who answers a task, when, and with what.",
	source.Field{Name: "step", Is: source.Text(), About: "The step that asks.", Default: "any", Example: "approval"},
	source.Field{Name: "task", Is: source.Choice(taskKinds...), About: "The kind of task.", Default: "any", Example: "repair"},
	source.Field{Name: "queue", Is: source.Text(), About: "The queue of the task.", Default: "any", Example: "support"},
	source.Field{Name: "role", Is: source.Text(), About: "The role that the task is for.", Default: "any", Example: "support-lead"},
	source.Field{Name: "after", Is: source.Span(), About: "How long after the task is there.", Default: "at once", Example: "2 hours"},
	source.Field{Name: "by", Is: source.Text(), About: "Who answers, by e-mail address.", Default: "somebody", Example: "ada@acme.example"},
	source.Field{Name: "times", Is: source.Whole(), About: "How many tasks are answered so.", Default: "1", Example: "2"},
	source.Field{Name: "answer", Is: givenShape, Required: true, About: "What is answered.", Example: "{approved: true}"},
)

var givenShape = source.Record(
	source.Field{Name: "choose", Is: source.Tree(), About: "To choose: what the chosen item holds.", Example: "{name: Jane Doe}"},
	source.Field{Name: "outcome", Is: source.Text(), About: "To complete: how the task ended.", Example: "done"},
	source.Field{Name: "note", Is: source.Text(), About: "A note.", Example: "called her"},
	source.Field{Name: "in_system", Is: source.YesNo(), About: "To complete: it was done in the support system.", Default: "false", Example: "true"},
	source.Field{Name: "approved", Is: source.YesNo(), About: "To approve: yes or no.", Example: "true"},
	source.Field{Name: "reason", Is: source.Text(), About: "To approve or repair: why.", Example: "too expensive"},
	source.Field{Name: "index", Is: source.Whole(), About: "To choose, in place of choose: which item, from 0.", Example: "0"},
	source.Field{Name: "value", Is: source.Tree(), About: "To answer: the form. To repair: the result given by hand.", Example: "{reason: broken}"},
	source.Field{Name: "act", Is: source.Choice(acts...), About: "To repair or confirm: what is done about it.", Example: "retry"},
	source.Field{Name: "class", Is: source.Choice(contracts.ClassNames()...), About: "With act: fail: the class.", Example: "declined"},
	source.Field{Name: "step", Is: source.Text(), About: "With act: redo: the step.", Example: "purchase"},
	source.Field{Name: "with", Is: source.Tree(), About: "With act: redo: the other input of the call.", Example: "{email: jane@example.com}"},
)

var messageShape = source.Record(
	source.Field{Name: "after", Is: source.Span(), About: "How long after the case started.", Default: "at once", Example: "2 hours"},
	source.Field{Name: "channel", Is: source.Text(), About: "How it came.", Default: "email", Example: "web"},
	source.Field{Name: "from", Is: source.Text(), About: "Who wrote it.", Example: "jane@example.com"},
	source.Field{Name: "text", Is: source.Text(), Required: true, About: "What was written.", Example: "Any news?"},
)

var eventShape = source.Record(
	source.Field{Name: "after", Is: source.Span(), About: "How long after the case started.", Default: "at once", Example: "3 days"},
	source.Field{Name: "event", Is: source.Text(), Required: true, About: "The event.", Example: "goods-returned"},
	source.Field{Name: "key", Is: source.Text(), Required: true, About: "Whom it is about: the key that the case waits for.", Example: "A-17"},
	source.Field{Name: "payload", Is: source.Tree(), About: "What it tells.", Default: "nothing", Example: "{quantity: 1}"},
)

var expectShape = source.Part("expect", "What must come of a case. Values may be matched by conditions, see the page.",
	source.Field{Name: "outcome", Is: source.Tree(), About: "How it ended.", Example: "done"},
	source.Field{Name: "result", Is: source.Tree(), About: "Its result; of a record the fields that are named.", Example: "{answer: change}"},
	source.Field{Name: "title", Is: source.Tree(), About: "Its title.", Example: "Complaint about a lamp"},
	source.Field{Name: "path", Is: source.Either(source.ListOf(source.Text()), onlyShape(source.Text())), About: "Steps that were taken in this order; with exactly, no others.", Example: "[customer, invoices]"},
	source.Field{Name: "skips", Is: source.ListOf(source.Text()), About: "Steps that were not taken.", Example: "[stock]"},
	source.Field{Name: "results", Is: source.Named(source.Tree()), About: "The results of steps.", Example: "{stock: {free: 3}}"},
	source.Field{Name: "decisions", Is: source.Named(source.Either(source.Text(), decisionShape)), About: "What tables decided, by step: the row, or more.", Example: "{warranty: W01}"},
	source.Field{Name: "effects", Is: source.Either(effectsShape, source.Record(source.Field{Name: anyOrder, Is: effectsShape, Required: true, About: "The writes, in any order.", Example: "[support.create_task]"})), About: "The writes, and no others: operations, or operations with what they were given.", Example: "[support.create_task: {queue: complaints}]"},
	source.Field{Name: "runs", Is: effectsShape, About: "What was run, in any order, and nothing else: names, or names with what they were given.", Example: "[CheckCredit: {number: '4711'}]"},
	source.Field{Name: "tasks", Is: source.Either(source.ListOf(taskShape), onlyShape(taskShape)), About: "Tasks that people got; with exactly, no others.", Example: "[{step: approval, role: support-lead}]"},
	source.Field{Name: "waits", Is: waitsShape, About: "In place of outcome and result: for what it still waits.", Example: "{step: approval}"},
)

func onlyShape(of *source.Shape) *source.Shape {
	return source.Record(source.Field{Name: onlyKey, Is: source.ListOf(of), About: "These, and no others.", Example: "[]"})
}

var effectsShape = source.ListOf(source.Either(source.Text(), source.Named(source.Tree())))

var decisionShape = source.Record(
	source.Field{Name: "row", Is: source.Text(), About: "The row that decided.", Example: "W01"},
	source.Field{Name: "gives", Is: source.Tree(), About: "What it decided.", Example: "{months: 24}"},
)

var taskShape = source.Record(
	source.Field{Name: "step", Is: source.Text(), About: "The step that asks.", Example: "approval"},
	source.Field{Name: "task", Is: source.Choice(taskKinds...), About: "The kind.", Example: "approve"},
	source.Field{Name: "queue", Is: source.Tree(), About: "The queue.", Example: "support"},
	source.Field{Name: "role", Is: source.Tree(), About: "The role.", Example: "support-lead"},
	source.Field{Name: "who", Is: source.Tree(), About: "The person.", Example: "ada@acme.example"},
	source.Field{Name: "title", Is: source.Tree(), About: "The title.", Example: "Approve the replacement"},
	source.Field{Name: "show", Is: source.Tree(), About: "What is shown.", Example: "{proposal: {answer: change}}"},
	source.Field{Name: "from", Is: source.Tree(), About: "What is chosen from.", Example: "[{name: Jane Doe}]"},
	source.Field{Name: "reminded", Is: source.Tree(), About: "How often whoever had it was reminded.", Example: "1"},
	source.Field{Name: "outcomes", Is: source.Tree(), About: "How it may end.", Example: "[accepted, refused]"},
)

var waitsShape = source.Record(
	source.Field{Name: "step", Is: source.Text(), About: "The step.", Example: "approval"},
	source.Field{Name: "for", Is: source.Tree(), About: "The queue, role or system.", Example: "support-lead"},
	source.Field{Name: "kind", Is: source.Tree(), About: "What it waits for.", Example: "person"},
)

// Format describes the files of tests of use cases.
func Format() *source.Format {
	return &source.Format{Name: "usecase-tests", Title: "Tests of a use case", Files: "usecases/NAME.tests.yaml", Page: "testing.md", Root: fileShape,
		About: "Cases that are played through with answers of systems and people, and what must come of them."}
}
