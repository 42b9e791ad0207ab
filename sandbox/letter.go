package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"
)

// LetterForms is how many ways of writing a mail there are.
const LetterForms = 5

// photo is a picture of one pixel, as an attachment.
const photo = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// MessageID names the mail of a complaint; the same complaint always has the same.
func (c Complaint) MessageID() string {
	sum := sha256.Sum256([]byte(c.From.Email + "\x00" + c.Text))
	return fmt.Sprintf("<%x@mail.nordwind-customers.example>", sum[:12])
}

// Letter is the complaint as a mail to an address, in one of the forms in which customers' programs write: plain text,
// HTML only, both, Latin-1 (where its letters suffice), or with a photograph attached. Other forms wrap around.
func (c Complaint) Letter(to string, form int) ([]byte, error) {
	var b bytes.Buffer
	from := mail.Address{Name: c.From.Name, Address: c.From.Email}
	fmt.Fprintf(&b, "From: %s\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: %s\r\nMIME-Version: 1.0\r\n",
		from.String(), to, mime.QEncoding.Encode("utf-8", c.Subject), c.ReceivedAt.Format(time.RFC1123Z), c.MessageID())
	plain := strings.ReplaceAll(c.Text, "\n", "\r\n")
	markup := "<html><head><style>p{margin:0}</style></head><body><p>" + strings.ReplaceAll(html.EscapeString(c.Text), "\n", "<br>\r\n") + "</p></body></html>"
	var err error
	switch form % LetterForms {
	case 0:
		err = body(&b, "text/plain", "utf-8", plain)
	case 1:
		err = body(&b, "text/html", "utf-8", markup)
	case 2:
		err = parts(&b, "alternative", func(w *multipart.Writer) error {
			return firstError(part(w, "text/plain", plain), part(w, "text/html", markup))
		})
	case 3:
		latin, encodeErr := charmap.ISO8859_1.NewEncoder().String(plain)
		if encodeErr != nil { // letters of another script
			err = body(&b, "text/plain", "utf-8", plain)
		} else {
			err = body(&b, "text/plain", "iso-8859-1", latin)
		}
	case 4:
		err = parts(&b, "mixed", func(w *multipart.Writer) error { return firstError(part(w, "text/plain", plain), picture(w)) })
	}
	return b.Bytes(), err
}

func firstError(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

func body(w io.Writer, kind, charset, text string) error {
	fmt.Fprintf(w, "Content-Type: %s; charset=%s\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", kind, charset)
	q := quotedprintable.NewWriter(w)
	_, err := io.WriteString(q, text)
	return firstError(err, q.Close())
}

func parts(w io.Writer, kind string, write func(*multipart.Writer) error) error {
	m := multipart.NewWriter(w)
	if err := m.SetBoundary("nordwind-boundary-42"); err != nil {
		return err
	}
	fmt.Fprintf(w, "Content-Type: multipart/%s; boundary=%q\r\n\r\n", kind, m.Boundary())
	return firstError(write(m), m.Close())
}

func part(m *multipart.Writer, kind, text string) error {
	w, err := m.CreatePart(textproto.MIMEHeader{"Content-Type": {kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
	if err != nil {
		return err
	}
	q := quotedprintable.NewWriter(w)
	_, err = io.WriteString(q, text)
	return firstError(err, q.Close())
}

func picture(m *multipart.Writer) error {
	w, err := m.CreatePart(textproto.MIMEHeader{
		"Content-Type": {"image/png"}, "Content-Transfer-Encoding": {"base64"}, "Content-Disposition": {`attachment; filename="photo.png"`},
	})
	if err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(photo)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, base64.StdEncoding.EncodeToString(raw))
	return err
}
