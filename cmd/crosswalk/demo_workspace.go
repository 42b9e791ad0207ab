package main

import (
	"bytes"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"crosswalk/rules"
	"crosswalk/sandbox"
	"crosswalk/usecases"
)

// demoAddresses is what the demo's workspace needs to know of the running demo company.
type demoAddresses struct {
	CRM, Invoicing, Orders, Fulfilment, Support string
	WarehouseHost, WarehousePort                string
	MailListen, MailServer                      string
	SupportUser                                 string
	Complaints, Shipping, Workshop              string // group ids of the support system
	People                                      []demoPerson
	DeskPassword, WebhookSecret, SocialSecret   string
	TicketSecret                                string
}

// demoPerson is somebody who works at the demo company.
type demoPerson struct{ Name, Email, Roles, Skills, Languages string }

// Allow lists the loopback addresses that the demo's workspace may reach.
func (a demoAddresses) Allow() string {
	var hosts []string
	for _, address := range []string{a.CRM, a.Invoicing, a.Orders, a.Fulfilment, a.Support} {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			hosts = append(hosts, "'"+u.Host+"'")
		}
	}
	hosts = append(hosts, "'"+net.JoinHostPort(a.WarehouseHost, a.WarehousePort)+"'")
	return strings.Join(hosts, ", ")
}

// sampleAddresses stand in where the content is only checked and nothing runs.
func sampleAddresses() demoAddresses {
	return demoAddresses{
		CRM: "http://127.0.0.1:7801", Invoicing: "http://127.0.0.1:7802", Orders: "http://127.0.0.1:7803", Fulfilment: "http://127.0.0.1:7804",
		Support: "http://127.0.0.1:7806", WarehouseHost: "127.0.0.1", WarehousePort: "7805", MailListen: "127.0.0.1:2525", MailServer: "127.0.0.1:7807",
		SupportUser: sandbox.SupportLogin.User, Complaints: "1", Shipping: "2", Workshop: "3",
		People:       []demoPerson{{Name: "Greta Lindholm", Email: "greta@nordwind-home.example", Roles: "agent, analyst, support-lead, finance-lead, shipping, workshop", Skills: "complaints", Languages: "en"}},
		DeskPassword: "sample", WebhookSecret: "whsec_c2FtcGxlLXNhbXBsZS1zYW1wbGUtc2FtcGxl", SocialSecret: "sample", TicketSecret: "sample",
	}
}

// writeDemo writes the demo's workspace: crosswalk.yaml and roles.yaml anew at each start, because addresses may
// differ; use cases and tables only where they are missing, because people edit them. For people, each file names its
// schema; without that it has the lines of the catalogue, which problems are reported at.
func writeDemo(dir string, a demoAddresses, forPeople bool) error {
	first := func(string) string { return "" }
	if forPeople {
		first = schemaLine
		if _, err := writeSchemas(filepath.Join(dir, schemaFolder)); err != nil {
			return err
		}
	}

	for _, folder := range []string{"secrets", "usecases", "rules"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return err
		}
	}
	for _, name := range []string{"crosswalk.yaml", "roles.yaml"} {
		text, err := demoFile(name, a)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), append([]byte(first(name)), text...), 0o600); err != nil {
			return err
		}
	}
	for name, secret := range a.secrets() {
		if err := os.WriteFile(filepath.Join(dir, "secrets", name), []byte(secret+"\n"), 0o600); err != nil {
			return err
		}
	}
	if err := copyMissing(dir, "usecases", usecases.Catalog(), first); err != nil {
		return err
	}
	if err := copyMissing(dir, "rules", rules.Catalog(), first); err != nil || !forPeople {
		return err
	}
	return copyMissing(dir, "rules", rules.CatalogTests(), first)
}

func demoFile(name string, a demoAddresses) ([]byte, error) {
	parsed, err := template.New(name).ParseFS(demoFiles, "demo/"+name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.ExecuteTemplate(&out, name, a)
	return out.Bytes(), err
}

func (a demoAddresses) secrets() map[string]string {
	return map[string]string{
		"hubspot-token": sandbox.CRMLogin.Token, "stripe-key": sandbox.InvoicingLogin.Token,
		"woocommerce-key": sandbox.OrdersLogin.User, "woocommerce-secret": sandbox.OrdersLogin.Password,
		"versanddesk-user": sandbox.FulfilmentLogin.User, "versanddesk-password": sandbox.FulfilmentLogin.Password,
		"warehouse-password": sandbox.WarehouseLogin.Password, "zendesk-token": sandbox.SupportLogin.Token,
		"desk-password": a.DeskPassword, "webhook-secret": a.WebhookSecret, "x-consumer-secret": a.SocialSecret, "zendesk-webhook-secret": a.TicketSecret,
	}
}

// copyMissing copies the files of a catalogue that the folder does not have, each below its first line. A table that
// somebody keeps as a workbook or as CSV is there.
func copyMissing(dir, folder string, catalogue fs.FS, first func(name string) string) error {
	return fs.WalkDir(catalogue, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		target := filepath.Join(dir, folder, path.Base(name))
		for _, format := range []string{path.Ext(name), ".xlsx", ".csv"} {
			if _, err := os.Stat(strings.TrimSuffix(target, path.Ext(name)) + format); err == nil {
				return nil
			}
		}
		text, err := fs.ReadFile(catalogue, name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, append([]byte(first(path.Join(folder, path.Base(name)))), text...), 0o600)
	})
}

// demoPeople are the agents of the support system as people of the desk.
func demoPeople(agents []sandbox.Agent) []demoPerson {
	var people []demoPerson
	for _, agent := range agents {
		roles, skills := []string{}, []string{}
		for _, group := range agent.Groups {
			switch group {
			case "Complaints":
				roles, skills = append(roles, "agent"), append(skills, "complaints")
			case "Shipping":
				roles, skills = append(roles, "shipping"), append(skills, "shipping")
			case "Workshop":
				roles, skills = append(roles, "workshop"), append(skills, "repairs")
			case "Team leads":
				roles = append(roles, "support-lead", "finance-lead", "analyst")
			}
		}
		slices.Sort(roles)
		people = append(people, demoPerson{Name: agent.Name, Email: agent.Email, Roles: strings.Join(slices.Compact(roles), ", "),
			Skills: strings.Join(skills, ", "), Languages: strings.Join(agent.Languages, ", ")})
	}
	return people
}
