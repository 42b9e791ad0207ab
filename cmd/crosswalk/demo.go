package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/sandbox"
)

// demoPorts is the first port of the demo company, unless another is chosen.
const demoPorts = 7800

func demoCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "See complaints become tasks: a demo company and the whole product on it",
		Long: `Starts a demo company (stand-ins for six systems, a process of its own) and a workspace that connects them, sends ten real
complaints by mail, web form, phone note and social post, and prints the tasks that they became, with links. It goes on
running until you stop it, unless --once is given. The workspace is a folder that you may edit while it runs.`,
		Example: "  crosswalk demo\n  crosswalk demo --once --seed 42",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			d := &demo{out: c.OutOrStdout(), problems: c.ErrOrStderr()}
			d.dir, _ = c.Flags().GetString("dir")
			d.listen, _ = c.Flags().GetString("listen")
			d.once, _ = c.Flags().GetBool("once")
			d.seed, _ = c.Flags().GetUint64("seed")
			d.ports, _ = c.Flags().GetInt("ports")
			d.count, _ = c.Flags().GetInt("complaints")
			return d.run(c.Context())
		},
	}
	c.Flags().String("dir", "crosswalk-demo", "folder of the demo's workspace and data")
	c.Flags().Bool("once", false, "end after the complaints, with exit code 0 only if each reached its expected end")
	c.Flags().Uint64("seed", 1, "of the demo company; the folder keeps the seed that it began with")
	c.Flags().String("listen", "127.0.0.1:7700", "address of desk, forms and hooks")
	c.Flags().Int("ports", demoPorts, "first of the ports of the demo company; 0 for any that are free")
	c.Flags().Int("complaints", 0, "send this many of all kinds instead of the ten")
	return c
}

// demo is one run of the demo.
type demo struct {
	dir, listen   string
	once          bool
	seed          uint64
	ports, count  int
	out, problems io.Writer
	company       *exec.Cmd
	control       string
	addresses     demoAddresses
}

func (d *demo) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return systemError(err)
	}
	if err := d.startCompany(); err != nil {
		return systemError(err)
	}
	defer d.stopCompany()
	if err := d.writeWorkspace(ctx); err != nil {
		return err
	}
	var result error
	finished := false
	err := up(ctx, upOptions{dir: d.dir, data: filepath.Join(d.dir, ".crosswalk"), listen: d.listen, namespace: "crosswalk", publish: "save",
		out: d.out, problems: d.problems, sandbox: d.control, password: d.addresses.DeskPassword}, func(r running) error {
		if err := d.tellOfTickets(ctx, r.URL); err != nil {
			return err
		}
		go func() {
			result = d.show(ctx, r)
			finished = true
			if d.once {
				stop()
			}
		}()
		return nil
	})
	if err == nil && d.once && !finished {
		err = systemError(errors.New("interrupted"))
	}
	return errors.Join(err, result)
}

// startCompany runs `crosswalk sandbox` as a process of its own, which ends when this one does.
func (d *demo) startCompany() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	data := filepath.Join(d.dir, ".sandbox")
	d.company = exec.Command(self, "sandbox", "--data", data, "--seed", fmt.Sprint(d.seed), "--ports", fmt.Sprint(d.ports))
	d.company.Stderr = d.problems
	// Ended with this process even if that is killed, and not by the terminal's interrupt, so that we stop it last.
	d.company.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	output, err := d.company.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.company.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if lines.Text() == "ready" {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return d.findControl(data)
		}
	}
	return fmt.Errorf("the demo company did not start: %w (are its ports taken? choose others with --ports)", d.company.Wait())
}

func (d *demo) findControl(data string) error {
	raw, err := os.ReadFile(filepath.Join(data, sandboxFile))
	if err != nil {
		return err
	}
	var found struct {
		Control string                      `json:"control"`
		Systems map[string]sandbox.Endpoint `json:"systems"`
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		return err
	}
	d.control = found.Control
	a := &d.addresses
	a.CRM, a.Invoicing, a.Orders = found.Systems["crm"].URL, found.Systems["invoicing"].URL, found.Systems["orders"].URL
	a.Fulfilment, a.Support = found.Systems["fulfilment"].URL, found.Systems["support"].URL
	a.SupportUser = found.Systems["support"].Login.User
	a.MailServer = strings.TrimPrefix(found.Systems["mail"].URL, "smtp://")
	warehouse, err := url.Parse(found.Systems["warehouse"].URL)
	if err != nil {
		return err
	}
	a.WarehouseHost, a.WarehousePort = warehouse.Hostname(), warehouse.Port()
	return nil
}

func (d *demo) stopCompany() {
	_ = d.company.Process.Signal(syscall.SIGTERM)
	_ = d.company.Wait()
}

// writeWorkspace makes the demo's workspace fit the running company.
func (d *demo) writeWorkspace(ctx context.Context) error {
	var world struct{ Agents []sandbox.Agent }
	if err := controlSandbox(ctx, d.control, http.MethodGet, "/control/world", nil, &world); err != nil {
		return err
	}
	a := &d.addresses
	a.People = demoPeople(world.Agents)
	a.MailListen = demoMail(d.ports)
	groups, err := d.groups(ctx)
	if err != nil {
		return systemError(err)
	}
	a.Complaints, a.Shipping, a.Workshop = groups["Complaints"], groups["Shipping"], groups["Workshop"]
	a.DeskPassword = keptSecret(d.dir, "desk-password", strings.ToLower(rand.Text()[:12]))
	a.WebhookSecret = keptSecret(d.dir, "webhook-secret", "whsec_"+base64Of(32))
	a.SocialSecret = keptSecret(d.dir, "x-consumer-secret", rand.Text())
	a.TicketSecret = keptSecret(d.dir, "zendesk-webhook-secret", rand.Text())
	if err := writeDemo(d.dir, *a, true); err != nil {
		return systemError(err)
	}
	return nil
}

// demoMail is where the demo takes mail: beside the company's ports if those were chosen.
func demoMail(ports int) string {
	switch ports {
	case 0:
		return "127.0.0.1:0"
	case demoPorts:
		return "127.0.0.1:2525"
	}
	return fmt.Sprintf("127.0.0.1:%d", ports+1+len(sandbox.Systems))
}

// tellOfTickets lets the support system send the changes of its tickets to us.
func (d *demo) tellOfTickets(ctx context.Context, url string) error {
	return controlSandbox(ctx, d.control, http.MethodPost, "/control/support/webhook",
		map[string]string{"URL": url + "/hooks/tickets", "Secret": d.addresses.TicketSecret}, nil)
}

// connectDemo writes the demo's workspace for a company that runs already.
func connectDemo(ctx context.Context, dir, data, listen string, ports int) error {
	d := &demo{dir: dir, ports: ports}
	if err := d.findControl(data); err != nil {
		return systemError(err)
	}
	if err := d.writeWorkspace(ctx); err != nil {
		return err
	}
	return d.tellOfTickets(ctx, "http://"+listen)
}

// groups are the ids of the support system's groups, by name.
func (d *demo) groups(ctx context.Context) (map[string]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.addresses.Support+"/api/v2/groups.json", nil)
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(sandbox.SupportLogin.User+"/token", sandbox.SupportLogin.Token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var body struct {
		Groups []struct {
			ID   json.Number `json:"id"`
			Name string      `json:"name"`
		} `json:"groups"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return nil, err
	}
	groups := map[string]string{}
	for _, group := range body.Groups {
		groups[group.Name] = group.ID.String()
	}
	return groups, nil
}

// keptSecret is the secret that the folder has already, else the new one.
func keptSecret(dir, name, fresh string) string {
	if raw, err := os.ReadFile(filepath.Join(dir, "secrets", name)); err == nil && len(raw) > 1 {
		return strings.TrimSpace(string(raw))
	}
	return fresh
}

// show sends the complaints and tells what they became.
func (d *demo) show(ctx context.Context, r running) error {
	path := "/control/world/demo"
	if d.count > 0 {
		path = fmt.Sprintf("/control/world/complaints?n=%d&seed=%d", d.count, d.seed)
	}
	var complaints []sandbox.Complaint
	if err := controlSandbox(ctx, d.control, http.MethodGet, path, nil, &complaints); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nSending %d complaints to Nordwind Home …\n\n", len(complaints))
	s := sender{running: r, addresses: d.addresses}
	begin := time.Now()
	sent := make([]sentComplaint, len(complaints))
	for i, complaint := range complaints {
		sent[i].complaint = complaint
		sent[i].caseID, sent[i].err = s.send(ctx, complaint)
	}
	good := 0
	for i := range sent {
		if sent[i].err == nil {
			sent[i].detail, sent[i].err = s.reached(ctx, sent[i])
		}
		if sent[i].err == nil {
			good++
		}
		d.print(r, sent[i])
		if ctx.Err() != nil {
			return systemError(ctx.Err())
		}
	}
	fmt.Fprintf(d.out, "\n%d of %d reached their expected end in %s\n", good, len(sent), time.Since(begin).Round(100*time.Millisecond))
	if !d.once {
		d.invite(r)
	}
	if good < len(sent) && d.once {
		return systemError(fmt.Errorf("%d of %d did not reach their expected end", len(sent)-good, len(sent)))
	}
	return nil
}

func (d *demo) print(r running, s sentComplaint) {
	text := oneLine(s.complaint.Text, 90)
	fmt.Fprintf(d.out, "%-6s %s\n", s.complaint.Channel, text)
	switch {
	case s.err != nil:
		fmt.Fprintf(d.out, "       NOT AS EXPECTED (%s): %s\n", s.complaint.Truth.End, s.err)
	default:
		fmt.Fprintf(d.out, "       %s %s\n", s.detail.Case.Reference, s.detail.said())
	}
	if s.caseID != "" {
		fmt.Fprintf(d.out, "       %s/cases/%s\n", r.URL, s.caseID)
	}
}

func (d *demo) invite(r running) {
	fmt.Fprintf(d.out, "\nThe desk is at %s. Log in as one of\n", r.URL)
	for _, person := range d.addresses.People {
		fmt.Fprintf(d.out, "  %-45s %s\n", person.Email, person.Roles)
	}
	fmt.Fprintf(d.out, "with the password %s\n", d.addresses.DeskPassword)
	fmt.Fprintf(d.out, "Edit the rules in %s/rules while it runs; stop with Ctrl-C.\n", d.dir)
}
