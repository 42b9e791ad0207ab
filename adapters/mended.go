package adapters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// mended takes in that halves of characters in an answer became U+FFFD. A customer's emoji that some program cut in two
// stops no case; it is counted with what changes in the system's answers.
func (c *Connection) mended(ctx context.Context, op *Operation, halves int) {
	if halves == 0 {
		return
	}
	if around := callOf(ctx); around != nil {
		around.mended.Store(true)
	}
	c.unfit(op, "text", fmt.Sprintf("%d character(s) of which the system gave only half were replaced by U+FFFD", halves))
}

// encodedMark is U+FFFD in addresses and forms.
const encodedMark = "%EF%BF%BD"

// unmended refuses a request, by its address or the name of its file and by its body, that would write back what was replaced: an operation that reads a record, alters one field of
// it and writes all of it would change another one unseen.
func unmended(ctx context.Context, r *request, target func() string, body []byte) error {
	if around := callOf(ctx); around == nil || !r.writes || !around.mended.Load() {
		return nil
	}
	to := target()
	if !bytes.Contains(body, []byte("\uFFFD")) && !bytes.Contains(body, []byte(encodedMark)) && !strings.Contains(to, encodedMark) && !strings.Contains(to, "\uFFFD") {
		return nil
	}
	return errors.New("the record holds half of a character, which cannot be written back as it is; correct the text in the system")
}
