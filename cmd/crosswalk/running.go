package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// upFile is what a running `up` writes into its data directory for other commands.
const upFile = "up.json"

// running is the content of up.json.
type running struct {
	PID       int       `json:"pid"`
	StartedAt time.Time `json:"started_at"`
	URL       string    `json:"url"`                // desk, forms, hooks and the JSON interface
	Temporal  string    `json:"temporal"`           // host:port
	UI        string    `json:"temporal_ui"`        // the Temporal UI
	Mail      []string  `json:"mail,omitempty"`     // addresses that take mail
	Workspace string    `json:"workspace"`          // folder
	Data      string    `json:"data"`               // folder
	Token     string    `json:"token"`              // opens the JSON interface
	Sandbox   string    `json:"sandbox,omitempty"`  // control address of the demo company
	Password  string    `json:"password,omitempty"` // of the demo's people
}

func (r running) write(data string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o700); err != nil { // nobody else needs it if store and engine are elsewhere
		return err
	}
	temporary := filepath.Join(data, upFile+".new")
	if err := os.WriteFile(temporary, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(data, upFile))
}

// dataFlag adds --data with the places where a data directory is looked for.
func dataFlag(c *cobra.Command) {
	c.Flags().String("data", "", "data directory of the running `up` (default: .crosswalk here, or of the demo)")
}

// defaultData are the data directories of `up` in a workspace and of `demo`.
var defaultData = []string{".crosswalk", "crosswalk-demo/.crosswalk"}

// findRunning is the desk that the environment names, or else reads up.json and makes sure that the process it names is
// alive.
func findRunning(c *cobra.Command) (running, error) {
	if url := os.Getenv(urlVariable); url != "" {
		return running{URL: strings.TrimRight(url, "/"), Token: os.Getenv(tokenVariable)}, nil
	}
	places := defaultData
	if given, _ := c.Flags().GetString("data"); given != "" {
		places = []string{given}
	}
	var problem error
	for _, place := range places {
		raw, err := os.ReadFile(filepath.Join(place, upFile))
		if err != nil {
			continue
		}
		var r running
		if err := json.Unmarshal(raw, &r); err != nil {
			return running{}, systemError(fmt.Errorf("%s: %w", filepath.Join(place, upFile), err))
		}
		if err := syscall.Kill(r.PID, 0); err != nil {
			problem = fmt.Errorf("the process %d of %s has ended: start it again with `crosswalk up`", r.PID, place)
			continue
		}
		return r, nil
	}
	if problem == nil {
		problem = fmt.Errorf("nothing is running here (no %s in %v): start `crosswalk up`, or name its data directory with --data", upFile, places)
	}
	return running{}, systemError(problem)
}

// call asks the running program's JSON interface.
func (r running) call(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		raw, ok := body.([]byte)
		if !ok {
			var err error
			if raw, err = json.Marshal(body); err != nil {
				return err
			}
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.URL+path, content)
	if err != nil {
		return systemError(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.Token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return systemError(fmt.Errorf("the running crosswalk does not answer: %w", errors.Unwrap(err)))
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return systemError(err)
	}
	if answer.StatusCode >= 300 {
		var problem struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(raw, &problem)
		if answer.StatusCode >= 500 {
			return systemError(errors.New(problem.Error))
		}
		return contentError(errors.New(problem.Error))
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *[]byte:
		*into = raw
		return nil
	}
	return json.Unmarshal(raw, into)
}
