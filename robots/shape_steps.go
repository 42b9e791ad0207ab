package robots

import "crosswalk/source"

// furtherSteps are the kinds of steps beside the most common ones.
func furtherSteps() []source.Field {
	return []source.Field{
		{Name: "dblclick", Is: targetShape, About: "Clicks the one element twice.", Example: "{text: Auftrag 4711}"},
		{Name: "check", Is: tickShape, About: "Ticks the one box, and looks whether it is ticked.", Example: "{label: Versandfrei}"},
		{Name: "uncheck", Is: tickShape, About: "Unticks the one box.", Example: "{label: Versandfrei}"},
		{Name: "upload", Is: uploadShape, About: "Hands a file to a field for files.", Example: "{into: {label: Liste}, name: liste.csv, text: '${input.list}'}"},
		{Name: "download", Is: downloadShape, About: "Fetches a file, which is kept as evidence. Its type is checked by what it holds.", Example: "{click: {link: Rechnung}, type: pdf, as: invoice}"},
		{Name: "ask", Is: askShape, About: "Hands over to a person, with the page kept open, and goes on with what the person gives.", Example: "{what: code, as: code}"},
		{Name: "until", Is: untilShape, About: "Repeats steps until something is seen.", Example: "{seen: {text: Fertig}, do: [{click: {link: Aktualisieren}}], max: 10}"},
	}
}

// fileTypes are the types of files that a robot tells apart by what they hold.
var fileTypes = []string{"pdf", "csv", "text", "xml", "json", "html", "xlsx", "docx", "zip", "png", "jpeg", "gif", "any"}

var uploadShape = source.Record(
	source.Field{Name: "into", Is: targetShape, Required: true, About: "The field.", Example: "{label: Liste}"},
	source.Field{Name: "name", Is: source.Template(), Required: true, About: "The name of the file, as the application sees it.", Example: "liste.csv"},
	source.Field{Name: "text", Is: source.Template(), About: "What the file holds.", Example: "'${input.list}'"},
	source.Field{Name: "base64", Is: source.Template(), About: "What the file holds, if it is no text.", Example: "'${input.file}'"},
	source.Field{Name: "becomes", Is: source.Choice("any"), About: "What the page may make of it before the commit: any is that it takes the file over by itself, so that neither the field nor the commit has it.", Default: "the field holds it, or a request has carried it", Example: "any"},
)

var downloadShape = source.Record(
	source.Field{Name: "click", Is: targetShape, About: "What starts it.", Example: "{link: Rechnung}"},
	source.Field{Name: "goto", Is: source.Either(source.Template(), gotoShape), About: "Or its address.", Example: "/invoice.pdf"},
	source.Field{Name: "type", Is: source.Choice(fileTypes...), Required: true, About: "What the file must be.", Example: "pdf"},
	source.Field{Name: "most", Is: source.Whole(), About: "How many bytes it may have.", Default: "10000000", Example: "500000"},
	source.Field{Name: "as", Is: source.Matching("name", nameForm.String()), Required: true, About: "The name of what is known of it: name, type, size, sha256, and of a text its text.", Example: "invoice"},
)

var untilShape = source.Record(
	source.Field{Name: "seen", Is: targetShape, Required: true, About: "What ends it.", Example: "{text: Fertig}"},
	source.Field{Name: "do", Is: stepsShape, Required: true, About: "The steps that are repeated.", Example: "[{click: {link: Aktualisieren}}]"},
	source.Field{Name: "max", Is: source.Whole(), About: "How often at most.", Default: "20", Example: "10"},
)
