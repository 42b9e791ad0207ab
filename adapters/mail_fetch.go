package adapters

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// errCut says that a connection ended within a mail.
var errCut = errors.New("the connection ended within a mail")

// fetchedMail is what a server says of one mail.
type fetchedMail struct {
	uid      imap.UID
	size     int64
	received time.Time
	flags    []imap.Flag
	envelope *imap.Envelope
	content  []byte // nil if it was not asked for
}

// collect reads what comes of one mail. The library has this too, but after a connection that ended within the content
// it reads on beside its own reader: whoever gets an error must let go of the message and close the client.
func collect(message *imapclient.FetchMessageData) (fetchedMail, error) {
	var m fetchedMail
	for item := message.Next(); item != nil; item = message.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			m.uid = item.UID
		case imapclient.FetchItemDataRFC822Size:
			m.size = item.Size
		case imapclient.FetchItemDataInternalDate:
			m.received = item.Time
		case imapclient.FetchItemDataFlags:
			m.flags = item.Flags
		case imapclient.FetchItemDataEnvelope:
			m.envelope = item.Envelope
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil {
				continue
			}
			content, err := io.ReadAll(item.Literal)
			if err == nil && int64(len(content)) < item.Literal.Size() {
				err = errCut
			}
			if err != nil {
				return m, fmt.Errorf("reading a mail: %w", err)
			}
			m.content = content
		}
	}
	return m, nil
}
