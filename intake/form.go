package intake

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

//go:embed pages
var pages embed.FS

var formPages = template.Must(template.ParseFS(pages, "pages/*.html"))

// Bounds of a web form.
const (
	maxFormBytes  = 12 << 20
	maxFormMemory = 2 << 20
	maxPhotos     = 5
)

// formPage is what the form's template shows.
type formPage struct {
	Title     string
	Problem   string // why the last try was refused
	Message   Message
	Reference string
}

// parseForm reads a posted web form, multipart with photos or plain. The field `website` is not shown to people; a
// form that fills it was filled by a machine.
func parseForm(r *http.Request, received time.Time) (Message, error) {
	if err := readForm(r); err != nil {
		return Message{}, err
	}
	m := Message{
		Channel:    "web",
		ReceivedAt: received,
		From:       Sender{Email: NormaliseEmail(cleanLine(r.PostFormValue("email"))), Phone: cleanLine(r.PostFormValue("phone")), Name: cleanLine(r.PostFormValue("name"))},
		Product:    cleanLine(r.PostFormValue("product")),
		Text:       cleanText(r.PostFormValue("text")),
	}
	if r.PostFormValue("website") != "" {
		m.Automatic = "the form was filled by a machine"
	}
	if m.Text == "" {
		return m, errors.New("please tell us what happened")
	}
	if m.From.Email == "" && m.From.Phone == "" {
		return m, errors.New("please give an e-mail address or a telephone number, so that we can answer")
	}
	if m.From.Email != "" && !emailAddress.MatchString(m.From.Email) {
		return m, fmt.Errorf("%q does not look like an e-mail address", m.From.Email)
	}
	if r.MultipartForm != nil {
		photos, err := readPhotos(r.MultipartForm.File["photo"])
		if err != nil {
			return m, err
		}
		m.Attachments = photos
	}
	return m, nil
}

func readForm(r *http.Request) error {
	r.Body = http.MaxBytesReader(nil, r.Body, maxFormBytes)
	var err error
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		err = r.ParseMultipartForm(maxFormMemory)
	} else {
		err = r.ParseForm()
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fmt.Errorf("the form with its photos has more than %d MB; please send fewer or smaller photos", maxFormBytes>>20)
	case err != nil:
		return fmt.Errorf("%w: %s", ErrMalformed, err)
	}
	return nil
}

func readPhotos(files []*multipart.FileHeader) ([]Attachment, error) {
	var photos []Attachment
	for _, header := range files {
		if header.Size == 0 && header.Filename == "" {
			continue
		}
		if len(photos) == maxPhotos {
			return nil, fmt.Errorf("at most %d photos, please", maxPhotos)
		}
		file, err := header.Open()
		if err != nil {
			return nil, fmt.Errorf("%w: %s", ErrMalformed, err)
		}
		content, err := io.ReadAll(io.LimitReader(file, MaxAttachmentBytes+1))
		_ = file.Close()
		if err != nil {
			return nil, fmt.Errorf("%w: %s", ErrMalformed, err)
		}
		if len(content) > MaxAttachmentBytes {
			return nil, fmt.Errorf("a photo may have %d MB; please send a smaller one", MaxAttachmentBytes>>20)
		}
		mediaType := photoType(content)
		if !strings.HasPrefix(mediaType, "image/") {
			return nil, fmt.Errorf("%q is not a photo", cleanLine(filepath.Base(header.Filename)))
		}
		photos = append(photos, Attachment{Name: fileName(header.Filename, mediaType), MediaType: mediaType, Bytes: content})
	}
	return photos, nil
}

// photoType is what the bytes say, whatever the sender says. The format of telephones is not in the standard's list.
func photoType(content []byte) string {
	if len(content) > 12 && string(content[4:8]) == "ftyp" {
		switch string(content[8:12]) {
		case "heic", "heix", "mif1", "msf1":
			return "image/heic"
		case "avif":
			return "image/avif"
		}
	}
	return http.DetectContentType(content)
}
