package adapters

import (
	"cmp"
	"strings"
	"time"

	"crosswalk/source"
)

var signatureShape = source.Record(
	source.Field{Name: "header", Is: source.OneOrMore(source.Text()), Required: true, About: "The header that holds the signature; several, if it may be in any of them.", Example: "X-Deskly-Signature"},
	source.Field{Name: "form", Is: source.Choice(formPlain, formPairs, formVersions), About: "How it stands there: plain; pairs, as in t=…,v1=…; versions, as in v1,… v1,….", Default: formPlain, Example: formPairs},
	source.Field{Name: "name", Is: source.Text(), About: "Of pairs and versions: what the signature is called.", Example: "v1"},
	source.Field{Name: "prefix", Is: source.Text(), About: "Of plain: what stands before it.", Default: "nothing", Example: "'sha256='"},
	source.Field{Name: "by", Is: source.Choice("hmac", "rsa"), About: "hmac: with a shared secret; rsa: with the product's own key, whose public half is the secret here, as PEM.", Default: "hmac", Example: "rsa"},
	source.Field{Name: "hash", Is: source.Choice("sha256", "sha1", "sha512"), About: "The hash.", Default: "sha256", Example: "sha1"},
	source.Field{Name: "encoding", Is: source.Choice("base64", "hex"), Required: true, About: "How the signature is written.", Example: "hex"},
	source.Field{Name: "signs", Is: source.Text(), About: "What is signed, with {body}, {timestamp}, {id}, {method} and {url}.", Default: "'{body}'", Example: "'{timestamp}.{body}'"},
	source.Field{Name: "secret", Is: source.Choice("text", "base64", "hex"), About: "How the secret is written.", Default: "text", Example: "base64"},
	source.Field{Name: "secret_prefix", Is: source.Text(), About: "What stands before the secret and does not belong to it.", Default: "nothing", Example: "whsec_"},
	source.Field{Name: "secret_bytes", Is: source.Whole(), About: "How long a secret is at least.", Default: "1", Example: "24"},
)

var stampShape = source.Record(
	source.Field{Name: "header", Is: source.Text(), About: "The header that holds the time. Either this or name.", Example: "X-Deskly-Timestamp"},
	source.Field{Name: "name", Is: source.Text(), About: "Of pairs: what the time is called.", Example: "t"},
	source.Field{Name: "format", Is: source.Choice("epoch", "epoch_millis", "iso8601"), Required: true, About: "In which form it comes.", Example: "epoch"},
	source.Field{Name: "tolerance", Is: source.Span(), About: "How far it may be from ours, in either direction; an hour at most.", Default: "5m", Example: "5m"},
)

var echoShape = source.Record(
	source.Field{Name: "field", Is: source.Text(), Required: true, About: "The field of the body that tells such a message.", Example: "type"},
	source.Field{Name: "is", Is: source.Text(), Required: true, About: "Its value.", Example: "url_verification"},
	source.Field{Name: "with", Is: source.Text(), Required: true, About: "The field whose value is the answer.", Example: "challenge"},
)

var webhookShape = source.Record(
	source.Field{Name: "signature", Is: signatureShape, About: "How the product signs. Either this or unsigned.", Example: "{header: X-Deskly-Signature, encoding: hex}"},
	source.Field{Name: "unsigned", Is: source.Text(), About: "Why it signs nothing. Its sources then have a secret in their address.", Example: "Deskly signs nothing"},
	source.Field{Name: "timestamp", Is: stampShape, About: "Where the time of sending is, which must be part of what is signed.", Default: "none is sent", Example: "{header: X-Deskly-Timestamp, format: epoch}"},
	source.Field{Name: "id", Is: source.Text(), About: "The header with the id of the delivery, by which a repeat is known.", Default: "a repeat is known by its content", Example: "X-Deskly-Delivery"},
	source.Field{Name: "answer", Is: echoShape, About: "A message by which the product makes sure that we are there: it is answered with one of its own fields.", Default: "none", Example: "{field: type, is: url_verification, with: challenge}"},
	source.Field{Name: "note", Is: source.Text(), About: "What to do in the product, for the documentation.", Example: "Admin, Webhooks, New; the secret is shown once."},
)

// parseWebhook reads how a product signs what it sends by itself; nil if the file does not say it.
func parseWebhook(node *source.Node) *Webhook {
	if !node.Exists() {
		return nil
	}
	fields := node.Fields(webhookShape)
	w := &Webhook{Unsigned: fields["unsigned"].Text(), Note: fields["note"].Text(), ID: fields["id"].Text()}
	signature := fields["signature"]
	if signature.Exists() == fields["unsigned"].Exists() {
		node.Errorf("write signature: with its header, or unsigned: with the reason", "either a signature is declared, or that there is none")
		return w
	}
	if echo := fields["answer"]; echo.Exists() {
		echo.Fields(echoShape)
		w.EchoField, w.EchoIs, w.EchoOut = echo.Required("field", "").Text(), echo.Required("is", "").Text(), echo.Required("with", "").Text()
	}
	if signature.Exists() {
		w.signature(signature)
		w.stamp(fields["timestamp"])
		w.hold(signature, fields["timestamp"])
	}
	return w
}

func (w *Webhook) signature(node *source.Node) {
	fields := node.Fields(signatureShape)
	node.Required("header", "name the header that holds the signature")
	w.Headers = fields["header"].Texts()
	w.Form = cmp.Or(fields["form"].OneOf(formPlain, formPairs, formVersions), formPlain)
	w.Name, w.Prefix = fields["name"].Text(), fields["prefix"].Text()
	w.RSA = fields["by"].OneOf("hmac", "rsa") == "rsa"
	w.Hash = cmp.Or(fields["hash"].OneOf("sha256", "sha1", "sha512"), "sha256")
	w.Encoding = node.Required("encoding", "base64 or hex").OneOf("base64", "hex")
	w.Signs = cmp.Or(fields["signs"].Text(), "{body}")
	w.SecretForm = cmp.Or(fields["secret"].OneOf("text", "base64", "hex"), "text")
	w.SecretPrefix, w.SecretBytes = fields["secret_prefix"].Text(), fields["secret_bytes"].Int()
}

const maxTolerance = time.Hour

func (w *Webhook) stamp(node *source.Node) {
	if !node.Exists() {
		return
	}
	fields := node.Fields(stampShape)
	w.StampHeader, w.StampName = fields["header"].Text(), fields["name"].Text()
	w.StampFormat = node.Required("format", "epoch, epoch_millis or iso8601").OneOf("epoch", "epoch_millis", "iso8601")
	if w.Tolerance = fields["tolerance"].Duration(); w.Tolerance == 0 {
		w.Tolerance = 5 * time.Minute
	}
	switch {
	case (w.StampHeader == "") == (w.StampName == ""):
		node.Errorf("write header: NAME, or name: t if it stands beside the signature", "one place for the time is needed")
	case w.StampName != "" && w.Form != formPairs:
		fields["name"].Errorf("write header: NAME", "only a signature in pairs has the time beside it")
	case w.Tolerance > maxTolerance:
		fields["tolerance"].Errorf("", "a message that is older than an hour may be anybody's copy")
	}
}

// hold holds what is signed to what is sent.
func (w *Webhook) hold(signature, stamp *source.Node) {
	signs := signature.Get("signs")
	for _, match := range placeholder.FindAllStringSubmatch(w.Signs, -1) {
		switch match[1] {
		case "body", "method", "url":
		case "timestamp":
			if !stamp.Exists() {
				signs.Errorf("add timestamp: with its header", "the time is signed, and nothing says where it is")
			}
		case "id":
			if w.ID == "" {
				signs.Errorf("add id: with its header", "the id is signed, and nothing says where it is")
			}
		default:
			signs.Errorf("use {body}, {timestamp}, {id}, {method} and {url}", "nothing is called {%s}", match[1])
		}
	}
	switch {
	case strings.Count(w.Signs, "{body}") != 1:
		signs.Errorf("write for example '{timestamp}.{body}'", "what is signed holds the body once")
	case stamp.Exists() && !strings.Contains(w.Signs, "{timestamp}"):
		stamp.Errorf("add {timestamp} to signs, or remove it", "a time that is not signed proves nothing")
	case w.Form != formPlain && w.Name == "":
		signature.Errorf("write for example name: v1", "among several values the signature needs a name")
	}
}
