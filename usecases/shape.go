package usecases

import (
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

var (
	stepsShape  = source.ListOf(source.Ref("step"))
	periodShape = source.Words("duration, or working time")
)

// useCaseShape describes a use case.
var useCaseShape = source.Record(
	source.Field{Name: "usecase", Is: source.Matching("name", useCaseName.String()), Required: true, About: "The name; the file has the same.", Example: "customer-complaint"},
	source.Field{Name: "title", Is: source.Template(), About: "What a case is called. It may hold expressions over input.", Default: "the name", Example: "'Complaint about ${input.product}'"},
	source.Field{Name: "description", Is: source.Text(), About: "What the use case is for.", Example: "Answers a complaint about a product."},
	source.Field{Name: "input", Is: rules.FieldsShape(), About: "What a case is started with: names with their types.", Default: "nothing", Example: "{text: {type: string, required: true, personal: true}}"},
	source.Field{Name: "events", Is: source.Named(source.Either(source.Nothing(), rules.FieldsShape())), About: "The events that steps wait for, with the fields that each tells.", Example: "{goods-returned: {quantity: number}}"},
	source.Field{Name: "steps", Is: source.ListOf(stepShape), Required: true, About: "What is done, one after the other.", Example: "[{id: customer, call: crm.find_customer}]"},
	source.Field{Name: "joined", Is: stepsShape, About: "What is done with each further message that joins an open case; the steps see message.", Example: "[{call: support.add_note, with: {text: '${message.text}'}}]"},
)

var stepShape = source.Part("step", "One step. It does exactly one of call, decide, set, choose, each, together, ask, wait, run and end.",
	source.Field{Name: "id", Is: source.Matching("name", stepName.String()), About: "The name under which later steps read the result. Steps directly under steps need one, but for end.", Example: "customer"},
	source.Field{Name: "title", Is: source.Template(), About: "What the step is called for people.", Default: "the title of the operation, or the id", Example: "Find the customer"},
	source.Field{Name: "when", Is: source.Condition(), About: "The step is done only if this holds; else its result is missing.", Default: "it is done", Example: "warranty.covered and warranty.replaceable"},
	source.Field{Name: "with", Is: source.Tree(), About: "Of call, decide and run: what it takes.", Default: "nothing", Example: "{email: '${input.from.email}'}"},
	source.Field{Name: "on_error", Is: onErrorShape, About: "Steps that stand in for this one if it fails, by the class of the error; they see error, and their last value is the result. [] makes the result missing.", Default: "the case parks with a repair task", Example: "{not_found: []}"},
	source.Field{Name: "retry", Is: retryShape, About: "Of call and run: for how long it is tried again.", Default: "by the class of the error", Example: "{attempts: 3}"},
	source.Field{Name: "timeout", Is: source.Span(), About: "Of call and run: the longest that one attempt may take.", Default: "that of the driver", Example: "30s"},
	source.Field{Name: "correct", Is: correctShape, About: "A person may change the result later; every step after it is redone.", Default: "nobody can", Example: "{from: '${invoices.lines}'}"},
	source.Field{Name: "undo", Is: stepsShape, About: "Steps that take the effect back when the case is cancelled or ends with undo. [] says that it may stay.", Default: "nothing undoes it", Example: "[{call: orders.cancel_order, with: {order: '${order.id}'}}]"},
	source.Field{Name: "call", Is: source.Matching("SYSTEM.OPERATION", `^[^.]+\..+$`), About: "Calls an operation of a system. The result is what it answers.", Example: "crm.find_customer"},
	source.Field{Name: "decide", Is: source.Text(), About: "Decides with a rule table. The result is the row's outputs.", Example: "warranty"},
	source.Field{Name: "set", Is: source.Tree(), About: "Makes a record of the names given, or with {value: …} a single value.", Example: "{value: '${invoices.lines}'}"},
	source.Field{Name: "choose", Is: source.ListOf(branchShape), About: "Takes the first branch whose condition holds. Names that it sets stay visible.", Example: "[{when: input.urgent, steps: [{set: {value: now}}]}, {otherwise: [{set: {value: later}}]}]"},
	source.Field{Name: "each", Is: eachShape, About: "Does steps for every item of a list. The result is the list of their last values.", Example: "{in: '${invoices.lines}', as: line, steps: [{set: {value: '${line.sku}'}}]}"},
	source.Field{Name: "together", Is: togetherShape, About: "Does branches side by side. The result is a record of theirs.", Example: "{branches: {stock: [{set: {value: 1}}], credit: [{set: {value: 2}}]}}"},
	source.Field{Name: "ask", Is: askShape, About: "Asks a person. The case waits for the answer, which is the result.", Example: "{what: approve, role: support-lead}"},
	source.Field{Name: "wait", Is: waitShape, About: "Waits for a time, an instant or an event. The result is the instant, or what the event tells.", Example: "{for: 3 days}"},
	source.Field{Name: "run", Is: source.Either(source.Text(), runShape), About: "Runs another use case by its name, or a workflow or activity of a worker of your own.", Example: "order-change"},
	source.Field{Name: "end", Is: source.Either(source.Nothing(), endShape), About: "Ends the case at once.", Example: "{outcome: refused}"},
)

var onErrorShape = func() *source.Shape {
	fields := make([]source.Field, 0, len(contracts.Classes()))
	for _, class := range contracts.ClassNames() {
		fields = append(fields, source.Field{Name: class, Is: stepsShape, About: "What is done if it fails with " + class + ".", Example: "[]"})
	}
	return source.Part("on_error", "What stands in for a step that failed, by the class of the error.", fields...)
}()

var retryShape = source.Record(
	source.Field{Name: "attempts", Is: source.Whole(), About: "How often at most, from 1 to 1000; 1 means that nothing is tried again.", Default: "any number", Example: "3"},
	source.Field{Name: "within", Is: source.Span(), About: "How long at most.", Default: "by the class of the error", Example: "2h"},
)

var correctShape = source.Record(
	source.Field{Name: "from", Is: source.Template(), About: "The list to choose the right value from.", Default: "of a call: the values of with are changed and it is called again", Example: "'${invoices.lines}'"},
)

var branchShape = source.Record(
	source.Field{Name: "when", Is: source.Condition(), About: "The branch is taken if this holds and none before did.", Example: "customer.tier == \"gold\""},
	source.Field{Name: "steps", Is: stepsShape, About: "What is done in the branch.", Example: "[{set: {value: now}}]"},
	source.Field{Name: "otherwise", Is: stepsShape, About: "In place of when and steps, as the last branch: what is done if no other is taken.", Example: "[{set: {value: later}}]"},
)

var eachShape = source.Record(
	source.Field{Name: "in", Is: source.Template(), Required: true, About: "The list.", Example: "'${invoices.lines}'"},
	source.Field{Name: "as", Is: source.Matching("name", stepName.String()), Required: true, About: "The name of the item in the steps.", Example: "line"},
	source.Field{Name: "in_order", Is: source.YesNo(), About: "An item is begun only when the one before it is done.", Default: "false", Example: "true"},
	source.Field{Name: "steps", Is: stepsShape, Required: true, About: "What is done with each item.", Example: "[{set: {value: '${line.sku}'}}]"},
)

var togetherShape = source.Record(
	source.Field{Name: "branches", Is: source.Named(stepsShape), Required: true, About: "At least two branches by their names; they do not see each other's results.", Example: "{stock: [{set: {value: 1}}], credit: [{set: {value: 2}}]}"},
	source.Field{Name: "stop", Is: source.Choice(stopFirstError, stopNever), About: "When the others stop: at the first branch that fails, or never.", Default: stopFirstError, Example: stopNever},
)

var askShape = source.Part("ask", "A task for a person. Somebody must be asked: by queue, role or who, or as one of approvers.",
	source.Field{Name: "what", Is: source.Choice(string(Complete), string(Approve), string(ChooseOne), string(Answer)), Required: true, About: "What the person does: complete a task, approve or refuse, choose one of a list, or answer a form.", Example: "approve"},
	source.Field{Name: "queue", Is: source.Template(), About: "The queue whose people may take it.", Example: "support"},
	source.Field{Name: "role", Is: source.Template(), About: "The role that somebody must have.", Example: "support-lead"},
	source.Field{Name: "who", Is: source.Template(), About: "The person, by e-mail address.", Example: "'${customer.agent}'"},
	source.Field{Name: "from", Is: source.Template(), About: "Of choose: the list.", Example: "'${error.candidates}'"},
	source.Field{Name: "task", Is: source.Template(), About: "The task of the support system that mirrors this one.", Example: "'${task}'"},
	source.Field{Name: "show", Is: source.Tree(), About: "What the person is shown beside the case.", Example: "{proposal: '${resolution}'}"},
	source.Field{Name: "outcomes", Is: source.ListOf(source.Text()), About: "Of complete: how the task may end.", Default: "[done]", Example: "[accepted, refused]"},
	source.Field{Name: "form", Is: rules.FieldsShape(), About: "Of answer: the fields that are asked for, with their types.", Example: "{reason: {type: string, required: true}}"},
	source.Field{Name: "within", Is: periodShape, About: "The time that the person has, plain or in working time.", Default: "no limit", Example: "2 business days"},
	source.Field{Name: "calendar", Is: source.Text(), About: "The calendar of working time.", Default: "the only one that there is", Example: "office"},
	source.Field{Name: "remind", Is: source.OneOrMore(periodShape), About: "When whoever has the task is reminded, from its beginning.", Default: "never", Example: "[1 day, 2 days]"},
	source.Field{Name: "on_timeout", Is: source.OneOrMore(lateShape), About: "Who gets the task when it was not done in time; one after the other, each with a time.", Default: "it is only overdue", Example: "{role: support-lead}"},
	source.Field{Name: "approvers", Is: approversShape, About: "Of approve: several people, of whom each must approve, in place of queue, role and who.", Example: "{all: [finance, legal]}"},
	source.Field{Name: "title", Is: source.Text(), Refused: true},
)

var approversShape = source.Record(
	source.Field{Name: "all", Is: source.ListOf(source.Template()), About: "Roles, of each of which one person must approve.", Example: "[finance, legal]"},
	source.Field{Name: "role", Is: source.Template(), About: "In place of all: the role of which several must approve.", Example: "support-lead"},
	source.Field{Name: "count", Is: source.Whole(), About: "With role: how many, from 2 to 20.", Example: "2"},
)

var lateShape = source.Record(
	source.Field{Name: "queue", Is: source.Template(), About: "The queue that gets it.", Example: "escalations"},
	source.Field{Name: "role", Is: source.Template(), About: "The role that gets it.", Example: "support-lead"},
	source.Field{Name: "who", Is: source.Template(), About: "The person who gets it, by e-mail address.", Example: "ada@example.com"},
	source.Field{Name: "within", Is: periodShape, About: "The time that he has; the last one may have as long as it takes.", Default: "no limit", Example: "1 day"},
)

var waitShape = source.Record(
	source.Field{Name: "for", Is: periodShape, About: "How long: plain or working time, or an expression that gives a duration.", Example: "3 business days"},
	source.Field{Name: "until", Is: source.Words("date or date-time, or text with ${…}"), About: "In place of for: until when.", Example: "'${order.due_on}'"},
	source.Field{Name: "event", Is: source.Text(), About: "In place of for: an event that the use case declares.", Example: "goods-returned"},
	source.Field{Name: "key", Is: source.Template(), About: "With event: only one with the same key is meant.", Example: "'${order.number}'"},
	source.Field{Name: "within", Is: periodShape, About: "With event: how long it is waited for.", Default: "as long as it takes", Example: "14 days"},
	source.Field{Name: "on_timeout", Is: stepsShape, About: "With event and within: steps that stand in for an event that did not come.", Default: "the result is missing", Example: "[]"},
	source.Field{Name: "calendar", Is: source.Text(), About: "The calendar of working time and dates.", Default: "the only one that there is", Example: "office"},
)

var runShape = source.Record(
	source.Field{Name: "workflow", Is: source.Text(), About: "The name of a Temporal workflow. Either this or activity.", Example: "CheckCredit"},
	source.Field{Name: "activity", Is: source.Text(), About: "The name of a Temporal activity. Either this or workflow.", Example: "CheckCredit"},
	source.Field{Name: "task_queue", Is: source.Text(), Required: true, About: "The task queue that its worker listens to.", Example: "credit"},
	source.Field{Name: "input", Is: rules.FieldsShape(), About: "The names and types that it takes.", Default: "nothing", Example: "{company: {type: string, required: true}}"},
	source.Field{Name: "result", Is: source.Either(rules.TypeShape(), rules.FieldsShape()), About: "What it gives back: fields with their types, or a type.", Default: "nothing", Example: "{limit: number}"},
	source.Field{Name: "heartbeat", Is: source.Span(), About: "Of an activity: how often it must say that it lives.", Default: "it need not", Example: "30s"},
	source.Field{Name: "errors", Is: source.Named(source.Choice(contracts.ClassNames()...)), About: "The classes of its own types of errors.", Default: "internal", Example: "{CompanyUnknown: not_found}"},
)

var endShape = source.Record(
	source.Field{Name: "result", Is: source.Tree(), About: "The result of the case.", Default: "none", Example: "{answer: '${resolution.answer}'}"},
	source.Field{Name: "outcome", Is: source.Template(), About: "In a word, how the case ended.", Default: "done", Example: "refused"},
	source.Field{Name: "undo", Is: source.YesNo(), About: "What the case did is undone first.", Default: "false", Example: "true"},
)

// Format describes the files of use cases.
func Format() *source.Format {
	return &source.Format{Name: "usecase", Title: "Use case", Files: "usecases/NAME.yaml", Page: "usecases.md", Root: useCaseShape,
		About: "What is done about one piece of business, across systems and people. Each run of it is a case."}
}
