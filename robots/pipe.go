package robots

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/go-rod/rod/lib/cdp"
)

// maxMessage bounds one message of the browser; a screenshot of a very long page is the largest honest one.
const maxMessage = 64 << 20

var errMessageTooLong = errors.New("the browser sent a message that is too long")

// pipe is the transport of --remote-debugging-pipe: JSON messages that end with a NUL byte. Unlike a
// debugging port it can be used by nobody else on the machine, and Chromium ends by itself when our end
// closes, however we die.
//
// Events are handed over here, before the next message is read: whoever gets an answer can rely on having
// seen everything that the browser said before it. The handler must not wait for the browser.
type pipe struct {
	in      *bufio.Reader
	out     deadlineWriter
	write   sync.Mutex
	onEvent func(*cdp.Event)
}

type deadlineWriter interface {
	io.Writer
	SetWriteDeadline(time.Time) error
}

// writeTime is how long a browser may leave a command unread before it counts as lost.
const writeTime = 10 * time.Second

func newPipe(in io.Reader, out deadlineWriter) *pipe {
	return &pipe{in: bufio.NewReaderSize(in, 64<<10), out: out, onEvent: func(*cdp.Event) {}}
}

// Send writes one message.
func (p *pipe) Send(message []byte) error {
	p.write.Lock()
	defer p.write.Unlock()
	_ = p.out.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := p.out.Write(append(message, 0))
	return err
}

// Read returns the next message. It only lets through what rod's client can decode: that client panics
// in a goroutine of its own on anything else, and nobody could recover from it.
func (p *pipe) Read() ([]byte, error) {
	var message []byte
	for {
		part, err := p.in.ReadSlice(0)
		message = append(message, part...)
		if len(message) > maxMessage {
			return nil, errMessageTooLong
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return nil, err
		}
		break
	}
	message = message[:len(message)-1]
	return message, p.look(message)
}

func (p *pipe) look(message []byte) error {
	var shape struct {
		ID        int             `json:"id"`
		SessionID string          `json:"sessionId"`
		Method    string          `json:"method"`
		Params    json.RawMessage `json:"params"`
		Result    json.RawMessage `json:"result"`
		Error     *cdp.Error      `json:"error"`
	}
	if err := json.Unmarshal(message, &shape); err != nil {
		return fmt.Errorf("the browser sent a message that is not of its protocol: %w", err)
	}
	if shape.ID == 0 && shape.Method != "" {
		p.onEvent(&cdp.Event{SessionID: shape.SessionID, Method: shape.Method, Params: shape.Params})
	}
	return nil
}
