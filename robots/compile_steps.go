package robots

import (
	"encoding/base64"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// furtherStep holds what the less common kinds of steps need.
type furtherStep struct {
	name, text, base64 words // upload
	starts             *step // download: the click or goto
	fileType           string
	most               int
	max                int // until
}

const (
	largestDownload  = 10_000_000
	longestFileText  = 1 << 20
	mostRepetitions  = 20
	largestUploading = 10 << 20
)

func (c *compiler) compileUpload(s *step, n *source.Node) {
	s.further = &furtherStep{}
	fields := n.Fields(uploadShape)
	s.target = c.compileTarget(n.Required("into", "name the field"))
	s.further.name = c.words(n.Required("name", "give the file a name"))
	s.further.text, s.further.base64 = c.words(fields["text"]), c.words(fields["base64"])
	s.becomesAny = fields["becomes"].Exists() && fields["becomes"].OneOf("any") == "any"
	if name := s.further.name; fields["name"].Kind() == source.Scalar && name.template == nil && strings.TrimSpace(name.constant) == "" {
		fields["name"].Errorf("write for example list.csv", "the file has no name")
	}
	if coded := s.further.base64; fields["base64"].Exists() && coded.template == nil {
		if _, err := base64.StdEncoding.DecodeString(coded.constant); err != nil {
			fields["base64"].Errorf("write text: for what is a text", "this is not base64")
		}
	}
	if fields["text"].Exists() == fields["base64"].Exists() {
		n.Errorf("write text: '${…}', or base64: '${…}' for what is no text", "an upload has either text or base64")
	}
}

func (c *compiler) compileDownload(s *step, n *source.Node) {
	s.further = &furtherStep{}
	fields := n.Fields(downloadShape)
	s.further.starts = &step{kind: "click", place: s.place}
	switch click, open := fields["click"], fields["goto"]; {
	case click.Exists() == open.Exists():
		n.Errorf("write click: with what starts it, or goto: with its address", "a download begins with one of click and goto")
	case click.Exists():
		s.further.starts.target = c.compileTarget(click)
	default:
		s.further.starts.kind = "goto"
		c.compileGoto(s.further.starts, open)
	}
	s.further.fileType = n.Required("type", "say what the file must be").OneOf(fileTypes...)
	if s.further.most = largestDownload; fields["most"].Exists() {
		s.further.most = bounded(fields["most"], 1, mostDownload)
	}
	s.name = checkName(n.Required("as", "say under which name the robot knows it"))
	text := func(name string, required bool) rules.Field {
		t := rules.TypeOf(rules.KindText)
		if !required {
			t = t.AsOptional()
		}
		return rules.Field{Name: name, Type: t, Required: required}
	}
	c.assign(n, s.name, rules.RecordType(text("name", true), text("type", true), text("sha256", true), text("text", false),
		rules.Field{Name: "size", Type: rules.TypeOf(rules.KindNumber), Required: true}))
}

func (c *compiler) compileUntil(s *step, n *source.Node) {
	s.further = &furtherStep{}
	fields := n.Fields(untilShape)
	s.target = c.compileTarget(n.Required("seen", "say what ends it"))
	before := c.env
	s.do = c.steps(n.Required("do", "give the steps that are repeated"))
	c.env = c.maybe(before, c.env)
	if s.further.max = mostRepetitions; fields["max"].Exists() {
		if s.further.max = fields["max"].Int(); s.further.max < 1 || s.further.max > 1000 {
			fields["max"].Errorf("write a number from 1 to 1000", "it is repeated at most %d times", s.further.max)
		}
	}
}
