package robots

import (
	"bufio"
	"context"
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
// Messages are taken one by one: whoever gets an answer can rely on having seen every event that the browser told
// before it. The handler of events must not wait for the browser.
type pipe struct {
	in      *bufio.Reader
	out     deadlineWriter
	write   sync.Mutex
	onEvent func(*cdp.Event)

	mutex   sync.Mutex
	last    int                // number of a command
	waiting map[int]chan reply // for the answers of commands
	broken  error              // nothing is answered any more
}

// reply is what came of a command.
type reply struct {
	result json.RawMessage
	err    error
}

type deadlineWriter interface {
	io.Writer
	SetWriteDeadline(time.Time) error
}

// writeTime is how long a browser may leave a command unread before it counts as lost.
const writeTime = 10 * time.Second

func newPipe(in io.Reader, out deadlineWriter) *pipe {
	return &pipe{in: bufio.NewReaderSize(in, 64<<10), out: out, onEvent: func(*cdp.Event) {}, waiting: map[int]chan reply{}}
}

// call sends one command to a session and waits for its answer, or for the end of the context. The error is a *cdp.Error if
// the browser has refused it.
func (p *pipe) call(ctx context.Context, session, method string, parameters any) ([]byte, error) {
	came := make(chan reply, 1)
	p.mutex.Lock()
	p.last++
	number, broken := p.last, p.broken
	p.waiting[number] = came
	p.mutex.Unlock()
	defer func() {
		p.mutex.Lock()
		delete(p.waiting, number)
		p.mutex.Unlock()
	}()
	if broken != nil {
		return nil, broken
	}
	message, err := json.Marshal(cdp.Request{ID: number, SessionID: session, Method: method, Params: parameters})
	if err == nil {
		err = p.send(message)
	}
	if err != nil {
		return nil, err
	}
	select {
	case a := <-came:
		return a.result, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// send writes one message.
func (p *pipe) send(message []byte) error {
	p.write.Lock()
	defer p.write.Unlock()
	_ = p.out.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := p.out.Write(append(message, 0))
	return err
}

// listen takes what the browser says until it says nothing more, and fails what waits for an answer then.
func (p *pipe) listen() {
	for {
		message, err := p.read()
		if err == nil {
			err = p.take(message)
		}
		if err == nil {
			continue
		}
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.broken = err
		for _, came := range p.waiting {
			select {
			case came <- reply{err: err}:
			default: // it is answered already
			}
		}
		return
	}
}

// read returns the next message.
func (p *pipe) read() ([]byte, error) {
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
		return message[:len(message)-1], nil
	}
}

// take gives an event to its handler, or an answer to whoever waits for it.
func (p *pipe) take(message []byte) error {
	var said struct {
		ID        int             `json:"id"`
		SessionID string          `json:"sessionId"`
		Method    string          `json:"method"`
		Params    json.RawMessage `json:"params"`
		Result    json.RawMessage `json:"result"`
		Error     *cdp.Error      `json:"error"`
	}
	if err := json.Unmarshal(message, &said); err != nil {
		return fmt.Errorf("the browser sent a message that is not of its protocol: %w", err)
	}
	if said.ID == 0 {
		if said.Method != "" {
			p.onEvent(&cdp.Event{SessionID: said.SessionID, Method: said.Method, Params: said.Params})
		}
		return nil
	}
	came := reply{result: said.Result}
	if said.Error != nil {
		came.err = said.Error
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if waiting := p.waiting[said.ID]; waiting != nil {
		waiting <- came // there is room: a command is answered once
		delete(p.waiting, said.ID)
	}
	return nil
}
