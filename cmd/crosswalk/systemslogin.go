package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/adapters"
	"crosswalk/worker"
	"crosswalk/workspace"
)

// callbackPath is where the system sends the browser after a log-in.
const callbackPath = "/callback"

func systemsLoginCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "login SYSTEM",
		Short: "Log in at a system that gives its access to a person (OAuth2), and keep what it gives",
		Long: `Prints an address to open in a browser, waits on this machine for the browser to come back, and keeps what the system
gives in the store, encrypted; workers renew it from then on. Allow the address of the callback in the product's settings of
your application: http://127.0.0.1:7708/callback, or what --listen or --redirect say.

The key that log-ins are encrypted with is $` + worker.GrantsKeyVariable + `, or lies in the file that $` + worker.GrantsKeyFileVariable + ` names, or is made in the data
directory. With --database all processes need the same one.`,
		Example: `  crosswalk systems login crm
  crosswalk systems login crm --dir acme --listen 127.0.0.1:9100
  crosswalk systems login crm --database postgres://crosswalk@db.example/crosswalk`,
		Args: exactly("SYSTEM"),
		RunE: loginSystem,
	}
	c.Flags().String("dir", ".", "folder of the workspace")
	c.Flags().String("adapter", "", "which of the system's adapters, if several take a log-in")
	c.Flags().String("listen", "127.0.0.1:7708", "address on this machine that the browser comes back to")
	c.Flags().String("redirect", "", "the address of the callback as the browser sees it (default: http:// and --listen)")
	c.Flags().Duration("within", 10*time.Minute, "how long to wait for the browser")
	storeFlags(c)
	jsonFlag(c)
	return c
}

func loginSystem(c *cobra.Command, args []string) error {
	dir, _ := c.Flags().GetString("dir")
	connection, close, err := connectForLogin(c, dir, args[0])
	if err != nil {
		return err
	}
	defer close()
	listen, _ := c.Flags().GetString("listen")
	host, _, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && !ip.IsLoopback() {
		return usageError("--listen is an address on this machine, as in 127.0.0.1:7708, not %q", listen)
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return systemError(fmt.Errorf("listening on %s: %w: choose another with --listen", listen, err))
	}
	redirect, _ := c.Flags().GetString("redirect")
	if redirect == "" {
		redirect = "http://" + listener.Addr().String() + callbackPath
	}
	login, err := connection.Login(redirect)
	if err != nil {
		return errors.Join(contentError(err), listener.Close())
	}
	if wantsJSON(c) {
		err = printJSON(c, map[string]any{"open": login.Address, "redirect": redirect})
	} else {
		_, err = fmt.Fprintf(c.OutOrStdout(), "open this address in a browser and log in:\n\n%s\n\n", login.Address)
	}
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	within, _ := c.Flags().GetDuration("within")
	ctx, cancel := context.WithTimeout(c.Context(), within)
	defer cancel()
	if err := awaitBrowser(ctx, listener, login); err != nil {
		return systemError(fmt.Errorf("logging in to %s: %w", args[0], err))
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"system": args[0], "logged_in": true})
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "logged in to %s; workers use it from now on\n", args[0])
	return err
}

// awaitBrowser serves the callback until a browser has brought a good answer. One that is not ours is told so and changes nothing.
func awaitBrowser(ctx context.Context, listener net.Listener, login *adapters.Login) error {
	done := make(chan error, 1)
	var taken atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+callbackPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		if !login.Ours(r.URL.Query()) {
			http.Error(w, "This is not the answer to the log-in that crosswalk has begun.", http.StatusBadRequest)
			return
		}
		if !taken.CompareAndSwap(false, true) { // a browser that loads the page again would redeem the code twice
			http.Error(w, "This log-in has been answered already.", http.StatusConflict)
			return
		}
		whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute) // the code is worth nothing once it was shown
		defer cancel()
		err := login.Finish(whole, r.URL.Query())
		if err != nil {
			http.Error(w, "It did not work: "+err.Error(), http.StatusBadGateway)
		} else {
			fmt.Fprintln(w, "Logged in. You can close this page.")
		}
		select {
		case done <- err:
		default:
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends with Shutdown
	defer func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(limited)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.New("the browser has not come back")
	}
}

// connectForLogin connects the adapter of a system that takes a log-in, with the store that keeps it.
func connectForLogin(c *cobra.Command, dir, name string) (*adapters.Connection, func(), error) {
	w, problems := workspace.Load(dir)
	if err := problems.Err(); err != nil {
		return nil, nil, contentError(err)
	}
	system := w.Config.System(name)
	if system == nil {
		return nil, nil, contentError(fmt.Errorf("the workspace has no system %q", name))
	}
	wanted, _ := c.Flags().GetString("adapter")
	var fit []*workspace.Driver
	for _, driver := range system.Drivers {
		if adapter := w.Adapters[driver.Name]; driver.Kind == workspace.ByAdapter && adapter != nil && adapter.CanLogin() && (wanted == "" || wanted == driver.Name) {
			fit = append(fit, driver)
		}
	}
	switch {
	case len(fit) == 0:
		return nil, nil, contentError(fmt.Errorf("nobody logs in at %s: none of its adapters says auth: {oauth2: {grant: authorization_code}}", name))
	case len(fit) > 1:
		names := []string{}
		for _, driver := range fit {
			names = append(names, driver.Name)
		}
		slices.Sort(names)
		return nil, nil, usageError("several adapters of %s take a log-in: say which with --adapter, one of %s", name, strings.Join(names, ", "))
	}
	adapter := w.Adapters[fit[0].Name]
	config, err := w.AdapterConfig(workspace.Route{System: system, Driver: fit[0], Adapter: adapter}, nil)
	if err != nil {
		return nil, nil, contentError(err)
	}
	kept, err := storeOf(c, dir)
	if err != nil {
		return nil, nil, err
	}
	data, _ := c.Flags().GetString("data")
	switch {
	case databaseOf(c) != "":
		data = ""
	case data == "":
		data = filepath.Join(dir, ".crosswalk")
	}
	if _, err := worker.GrantsKey(data); err != nil { // before anybody logs in for nothing
		return nil, nil, errors.Join(contentError(err), kept.Close())
	}
	config.Grants = worker.NewGrants(kept, data)
	connection, err := adapter.Connect(config)
	if err != nil {
		return nil, nil, errors.Join(contentError(err), kept.Close())
	}
	return connection, func() {
		connection.Close()
		_ = kept.Close()
	}, nil
}
