package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"crosswalk/sandbox"
)

// company is the other side: the demo company and a fulfilment service, each a process of its own.
type company struct {
	control    string
	fulfilment string
	processes  []*exec.Cmd
}

// program builds crosswalk, unless CROSSWALK_BINARY says where it lies built already, as for the end-to-end tests.
func program(ctx context.Context, dir string) (string, error) {
	if built := os.Getenv("CROSSWALK_BINARY"); built != "" {
		return built, nil
	}
	binary := filepath.Join(dir, "crosswalk")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "crosswalk/cmd/crosswalk")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("building the program: %w", err)
	}
	return binary, nil
}

// startCompany starts the company and lets it write the workspace.
func startCompany(ctx context.Context, dir string) (*company, error) {
	c := &company{}
	binary, err := program(ctx, dir)
	if err != nil {
		return c, err
	}
	data := filepath.Join(dir, "company")
	if _, err := c.run(binary, "sandbox", "--data", data, "--ports", "0", "--workspace", workspaceIn(dir)); err != nil {
		return c, err
	}
	raw, err := os.ReadFile(filepath.Join(data, "sandbox.json"))
	if err != nil {
		return c, err
	}
	var found struct{ Control string }
	if err := json.Unmarshal(raw, &found); err != nil {
		return c, err
	}
	c.control = found.Control
	for _, system := range []string{"crm", "crm.search", "invoicing", "orders", "support", "warehouse", "fulfilment"} {
		if err := c.ask("/"+system+"/rate", map[string]any{"per_second": -1}, nil); err != nil {
			return c, err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	c.fulfilment, err = c.run(self, "fulfilment", c.control)
	return c, err
}

// run starts a process and returns the line before the one that says that it is ready.
func (c *company) run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr, cmd.SysProcAttr = os.Stderr, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", err
	}
	c.processes = append(c.processes, cmd)
	lines, last := bufio.NewScanner(output), ""
	for lines.Scan() {
		if lines.Text() == "ready" {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return last, nil
		}
		last = lines.Text()
	}
	return "", fmt.Errorf("%s %s ended: %w", name, args[0], cmd.Wait())
}

// processorTime is what the stand-ins have used.
func (c *company) processorTime() (total time.Duration) {
	for _, process := range c.processes {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process.Process.Pid))
		if err != nil {
			continue
		}
		columns := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		for _, column := range columns[11:13] { // user and system, in hundredths of a second
			ticks, _ := strconv.Atoi(column)
			total += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return total
}

func (c *company) stop() {
	for _, process := range c.processes {
		_ = process.Process.Kill()
		_ = process.Wait()
	}
}

// ask speaks to the company's control interface; no body is a question.
func (c *company) ask(path string, body, into any) error {
	method, content := http.MethodGet, io.Reader(nil)
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		method, content = http.MethodPost, bytes.NewReader(raw)
	}
	request, err := http.NewRequest(method, c.control+"/control"+path, content)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s: %s: %s", path, answer.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// complaints are some that name article and order, so that both plans find the same purchase.
func (c *company) complaints() ([]sandbox.Complaint, error) {
	var all, plain []sandbox.Complaint
	if err := c.ask("/world/complaints?n=400&seed=1", nil, &all); err != nil {
		return nil, err
	}
	for _, m := range all {
		if m.Truth.End == sandbox.EndReplace && m.From.Email != "" && m.Truth.ContactID != "" {
			m.Channel = "web"
			m.Text = fmt.Sprintf("My %s from order %s is broken.", m.Truth.SKU, m.Truth.Order)
			plain = append(plain, m)
		}
	}
	return plain, nil
}

// serveFulfilment is the fulfilment service's process: what the portal knows, as JSON.
func serveFulfilment(control string) error {
	var w sandbox.World
	if err := (&company{control: control}).ask("/world", nil, &w); err != nil {
		return err
	}
	states := map[sandbox.ParcelState]string{sandbox.ParcelAnnounced: "packed", sandbox.ParcelInTransit: "in_transit", sandbox.ParcelDelivered: "delivered",
		sandbox.ParcelLost: "lost", sandbox.ParcelReturned: "returned"}
	orders := map[string][]map[string]any{}
	for _, p := range w.Parcels {
		articles := []map[string]any{}
		for _, item := range p.Items {
			articles = append(articles, map[string]any{"article": item.Name, "quantity": item.Quantity})
		}
		orders[p.OrderNumber] = append(orders[p.OrderNumber], map[string]any{"number": p.Number, "status": states[p.State],
			"shipped_on": day(p.ShippedOn), "delivered_on": day(p.DeliveredOn), "carrier": p.Carrier, "tracking": p.Tracking, "articles": articles})
	}
	answers := map[string][]byte{}
	for number, parcels := range orders {
		text, err := json.Marshal(map[string]any{"order": number, "parcels": parcels})
		if err != nil {
			return err
		}
		answers[number] = text
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\nready\n", l.Addr())
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[strings.TrimSpace(r.URL.Query().Get("order"))]
		w.Header().Set("Content-Type", "application/json")
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{}`)
			return
		}
		_, _ = w.Write(answer) // the caller may be gone
	}))
}

func day(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.DateOnly)
}
