package adapters

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The bounds of an answer: bytes on the wire and after decompression (the JSON reader bounds the nesting).
// They are far above any honest answer to the requests that most adapters make. An operation that fetches more says so,
// up to maxAnswer: an answer is in memory several times over while it is read.
const (
	maxWire      = 4 << 20
	maxDecoded   = 16 << 20
	maxAnswer    = 64 << 20
	maxErrorBody = 64 << 10
)

// maxTrusted is how much memory an answer gets because it says how long it is, before it has come.
const maxTrusted = 64 << 10

// Bounds are the bytes that an answer to the operation may have on the wire and after decompression.
func (o *Operation) Bounds() (wire, decoded int64) {
	if o.answer > 0 {
		return o.answer, max(o.answer, maxDecoded)
	}
	return maxWire, maxDecoded
}

// errPacked marks an answer whose compression cannot be undone.
var errPacked = errors.New("the answer is compressed")

// errTooLarge marks an answer beyond the bounds.
var errTooLarge = errors.New("the answer is larger than an adapter reads")

// tooLarge says what can be done about it.
func tooLarge(op *Operation) string {
	wire, _ := op.Bounds()
	return fmt.Sprintf("%s (%d MB for %s; answer_limit in the adapter may say up to %d MB)", errTooLarge, wire>>20, op.Name, maxAnswer>>20)
}

// readBody reads an answer within the bounds. Compression is ours and not the transport's, which would
// unpack without any limit.
func readBody(response *http.Response, wire, decoded int64) ([]byte, error) {
	encoding := strings.ToLower(strings.TrimSpace(response.Header.Get("Content-Encoding")))
	if n := response.ContentLength; encoding == "" && n >= 0 && n <= min(maxTrusted, wire) {
		body := make([]byte, n)
		got, err := io.ReadFull(response.Body, body)
		return body[:got], err
	}
	limited := &io.LimitedReader{R: response.Body, N: wire + 1}
	var reader io.Reader = limited
	switch encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		unzip, err := gzip.NewReader(limited)
		if errors.Is(err, io.EOF) {
			return nil, nil // an answer without a body that still names its compression
		}
		if err != nil {
			return nil, fmt.Errorf("%w with %q, and damaged: %w", errPacked, encoding, err)
		}
		reader = io.LimitReader(unzip, decoded+1)
	default:
		return nil, fmt.Errorf("%w with %q, which nobody asked for", errPacked, encoding)
	}
	body, err := io.ReadAll(reader) // in pieces that are joined in the end: a buffer that doubles takes four times as much on the way
	if int64(len(body)) > decoded || limited.N <= 0 {
		return nil, errTooLarge
	}
	return body, err
}
