package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"crosswalk/intake"
	"crosswalk/workspace"
)

// mailListeners are the open mail servers, by address.
type mailListeners struct {
	intake *intake.Intake
	log    *slog.Logger
	mu     sync.Mutex
	open   map[string]*intake.MailServer
}

// reconcile opens what the workspace in force wants and is not open yet. One that is wanted no more stays open until
// the program ends, and refuses mail as its source is gone.
func (m *mailListeners) reconcile(sources []*workspace.Source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, source := range sources {
		if source.Kind != workspace.FromMail || m.open[source.Listen] != nil {
			continue
		}
		listen := source.Listen
		server, err := intake.ListenMail(listen, func(ctx context.Context, message intake.Message) (intake.Receipt, error) {
			for _, current := range m.intake.Sources() {
				if current.Kind == workspace.FromMail && current.Listen == listen {
					return m.intake.Take(ctx, current, message)
				}
			}
			return intake.Receipt{}, errors.New("no source takes mail here any more")
		}, m.log)
		if err != nil {
			m.log.Error("mail.not_listening", "address", listen, "error", err)
			continue
		}
		m.open[listen] = server
	}
}

func (m *mailListeners) addresses() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var addresses []string
	for _, server := range m.open {
		addresses = append(addresses, server.Address())
	}
	return addresses
}

func (m *mailListeners) stop(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, server := range m.open {
		_ = server.Stop(ctx)
	}
}
