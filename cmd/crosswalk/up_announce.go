package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"crosswalk/workspace"
)

// deskURL is where people reach the desk: what crosswalk.yaml says, else the address that it listens on.
func (s *system) deskURL() string {
	if reach := s.definitions.current(); reach != nil && reach.Config.URL != "" {
		return strings.TrimRight(reach.Config.URL, "/")
	}
	if s.listener == nil || !s.options.roles.desk {
		return ""
	}
	return "http://" + s.listener.Addr().String()
}

func (s *system) temporalUI() string {
	if s.engine == nil {
		return s.options.temporalUI
	}
	return "http://" + s.engine.UIAddress()
}

// announce writes up.json and says where everything is.
func (s *system) announce(ready func(running) error) error {
	switch s.options.roles {
	case everyRole:
	case roles{engine: true}:
		s.announceEngine()
		return nil
	default:
		s.announceRole()
		return nil
	}
	dir, err := filepath.Abs(s.options.dir)
	if err != nil {
		return systemError(err)
	}
	data, err := filepath.Abs(s.options.data)
	if err != nil {
		return systemError(err)
	}
	r := running{PID: os.Getpid(), StartedAt: time.Now().UTC(), URL: "http://" + s.listener.Addr().String(), UI: s.temporalUI(), Temporal: s.options.temporal,
		Mail: s.mail.addresses(), Workspace: dir, Data: data, Token: s.token, Sandbox: s.options.sandbox, Password: s.options.password}
	if s.engine != nil {
		r.Temporal = s.engine.FrontendAddress()
	}
	if err := r.write(s.options.data); err != nil {
		return systemError(err)
	}
	s.announced = true
	if s.options.json {
		fmt.Fprintf(s.options.out, "{\"ready\":true,\"url\":%q,\"temporal\":%q,\"temporal_ui\":%q,\"data\":%q}\n", r.URL, r.Temporal, r.UI, r.Data)
	} else {
		s.printAddresses(r)
	}
	if ready != nil {
		return ready(r)
	}
	return nil
}

func (s *system) printAddresses(r running) {
	rows := [][]string{{"WHAT", "WHERE"}, {"desk", r.URL}}
	for _, source := range s.definitions.Sources() {
		switch source.Kind {
		case workspace.FromForm:
			rows = append(rows, []string{"form " + source.Name, r.URL + "/forms/" + source.Path})
		case workspace.FromSocial, workspace.FromWebhook:
			rows = append(rows, []string{"hook " + source.Name, r.URL + "/hooks/" + source.Path})
		}
	}
	for _, address := range r.Mail {
		rows = append(rows, []string{"mail", "smtp://" + address})
	}
	if r.UI != "" {
		rows = append(rows, []string{"Temporal UI", r.UI})
	}
	rows = append(rows, []string{"Temporal", r.Temporal}, []string{"workspace", r.Workspace}, []string{"data", r.Data})
	table(s.options.out, rows)
}
