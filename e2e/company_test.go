package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// company is a running demo company.
type company struct {
	t       *testing.T
	process *process
	control string
	support string
	systems map[string]sandbox.Endpoint
}

// startCompany starts the company and lets it write its workspace.
func startCompany(t *testing.T, dir, listen string, seed uint64) *company {
	t.Helper()
	data := filepath.Join(dir, ".sandbox")
	c := &company{t: t, process: start(t, "\nready\n", "sandbox", "--data", data, "--seed", fmt.Sprint(seed), "--ports", "0", "--workspace", dir, "--listen", listen)}
	c.process.awaitReady(t)
	var addresses struct {
		Control string
		Systems map[string]sandbox.Endpoint
	}
	readJSON(t, filepath.Join(data, "sandbox.json"), &addresses)
	c.control, c.support = addresses.Control, addresses.Systems["support"].URL
	c.systems = addresses.Systems
	return c
}

// order gives an order to the company's control interface.
func (c *company) order(method, path string, body, into any) {
	c.t.Helper()
	require.NoError(c.t, request(method, c.control+"/control"+path, nil, body, into), "%s %s", method, path)
}

func (c *company) fault(system string, fault sandbox.Fault) {
	c.t.Helper()
	c.order(http.MethodPost, "/"+system+"/fault", fault, nil)
}

func (c *company) counters() sandbox.Counters {
	c.t.Helper()
	var n sandbox.Counters
	c.order(http.MethodGet, "/counters", nil, &n)
	return n
}

// complaints are those of the company with a given end.
func (c *company) complaints(end sandbox.End) []sandbox.Complaint {
	c.t.Helper()
	var all []sandbox.Complaint
	c.order(http.MethodGet, "/world/complaints?n=400&seed=5", nil, &all)
	all = slices.DeleteFunc(all, func(m sandbox.Complaint) bool { return m.Truth.End != end || m.From.Email == "" })
	require.NotEmpty(c.t, all, "the company has no story that ends with %s", end)
	return all
}

// clear says what a complaint is about so that nothing is left to interpret: tests of what happens to a case are no
// tests of how well a message is understood.
func plain(m sandbox.Complaint) sandbox.Complaint {
	m.Subject, m.Product, m.Language = "Defect", "", "en"
	m.Text = fmt.Sprintf("Hello, I have a problem with the article %s from my order %s. It is broken and does not work any more. What can you do about it?\n\nYours\n%s", m.Truth.SKU, m.Truth.Order, m.From.Name)
	return m
}

// comment is one of a ticket.
type comment struct {
	Body   string
	Public bool
}

func (c *company) supportAPI(path string, into any) {
	c.t.Helper()
	login := func(r *http.Request) { r.SetBasicAuth(sandbox.SupportLogin.User+"/token", sandbox.SupportLogin.Token) }
	require.NoError(c.t, request(http.MethodGet, c.support+path, login, nil, into))
}

func (c *company) comments(ticket string) []comment {
	c.t.Helper()
	var out struct{ Comments []comment }
	c.supportAPI("/api/v2/tickets/"+ticket+"/comments.json", &out)
	return out.Comments
}

func (c *company) ticketStatus(ticket string) string {
	c.t.Helper()
	var out struct{ Ticket struct{ Status string } }
	c.supportAPI("/api/v2/tickets/"+ticket+".json", &out)
	return out.Ticket.Status
}

// proposals are the comments of a ticket that propose something.
func (c *company) proposals(ticket string) []string {
	c.t.Helper()
	var found []string
	for _, comment := range c.comments(ticket) {
		if strings.HasPrefix(comment.Body, "Proposal: ") {
			found = append(found, comment.Body)
		}
	}
	return found
}
