// Package daemon runs the servers that tests need: programs of this machine's distribution on loopback, with folders of
// their own, that end with the test at the latest.
package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Daemon is a running program.
type Daemon struct {
	process *os.Process
	ended   chan error
	said    output
}

// output keeps what a program writes, which it does while we read.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps a piece.
func (o *output) Write(piece []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(piece)
}

// String is everything so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Start runs a program in the foreground and waits until it is ready. It is killed when this process ends.
func Start(ctx context.Context, command *exec.Cmd, ready func(context.Context) error) (*Daemon, error) {
	d := &Daemon{ended: make(chan error, 1)}
	command.Stdout, command.Stderr = &d.said, &d.said
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	// The signal is sent when the thread ends that started the process: it is kept until the process has ended.
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	command.WaitDelay = 10 * time.Second // what it started may hold its output for longer
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread() // else the thread would end here, and with it what it has started before for somebody else
		err := command.Start()
		d.process = command.Process
		started <- err
		if err == nil {
			d.ended <- command.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return d, d.wait(ctx, ready)
}

func (d *Daemon) wait(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case ended := <-d.ended:
			d.process = nil
			return fmt.Errorf("it ended: %w: %s", errors.Join(ended, err), d.said.String())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("it does not answer: %w: %s", err, d.said.String()), d.Stop(syscall.SIGKILL))
		case <-tick.C:
		}
	}
}

// Said is what the program wrote.
func (d *Daemon) Said() string { return d.said.String() }

// Stop sends the signal and waits for the end.
func (d *Daemon) Stop(signal syscall.Signal) error {
	if d == nil || d.process == nil {
		return nil
	}
	err := d.process.Signal(signal)
	<-d.ended
	d.process = nil
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Answers says whether something accepts connections there.
func Answers(ctx context.Context, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}
