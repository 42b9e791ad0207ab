package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/adapters"
	"crosswalk/engine"
	"crosswalk/store"
	"crosswalk/worker"
	"crosswalk/workspace"
)

//go:embed workspace
var content embed.FS

// The workflows written by hand.
const (
	handName    = "by-hand"
	nothingName = "nothing"
	useCase     = "bench-complaint"
)

func workspaceIn(dir string) string { return filepath.Join(dir, "workspace") }

// house is the whole product in this process, as `up` runs it: the embedded server on files, the store, the worker.
type house struct {
	dir    string
	engine *engine.Engine
	store  *store.Store
	client client.Client
	worker *worker.Worker
	bundle string
}

func openHouse(ctx context.Context, dir string) (h *house, err error) {
	h = &house{dir: dir}
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if h.store, err = store.Open(ctx, filepath.Join(dir, "data")); err != nil {
		return h, err
	}
	h.engine, err = engine.Start(ctx, engine.Options{Directory: filepath.Join(dir, "data", "temporal"), SearchAttributes: worker.SearchAttributes(), NoUI: true, Logger: quiet})
	if err != nil {
		return h, err
	}
	if h.client, err = worker.Dial(ctx, worker.Dialing{Address: h.engine.FrontendAddress(), Store: h.store, Logger: quiet}); err != nil {
		return h, err
	}
	if err := h.publish(ctx); err != nil {
		return h, err
	}
	h.worker, err = worker.Start(ctx, worker.Config{Store: h.store, Client: h.client, Base: workspaceIn(dir), Logger: quiet, Register: func(r sdk.Registry) {
		r.RegisterWorkflowWithOptions(byHand, workflow.RegisterOptions{Name: handName})
		r.RegisterWorkflowWithOptions(nothing, workflow.RegisterOptions{Name: nothingName})
	}})
	return h, err
}

func (h *house) publish(ctx context.Context) error {
	loaded, problems := workspace.Load(workspaceIn(h.dir))
	if err := problems.Err(); err != nil {
		return fmt.Errorf("the workspace: %w", err)
	}
	if _, err := loaded.Publish(ctx, h.store, "bench", ""); err != nil {
		return err
	}
	var err error
	h.bundle, err = h.store.InForceOf(ctx, useCase)
	if err == nil && h.worker != nil {
		err = h.worker.Refresh(ctx)
	}
	return err
}

func (h *house) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	if h.worker != nil {
		h.worker.Stop()
	}
	if h.client != nil {
		h.client.Close()
	}
	if h.engine != nil {
		errs = append(errs, h.engine.Stop(ctx))
	}
	if h.store != nil {
		errs = append(errs, h.store.Close())
	}
	return errors.Join(errs...)
}

// noLimits stands in the place of each vendor's limits, and of those for some of its operations: what is measured is ours.
func noLimits() string {
	var operations []string
	for _, adapter := range adapters.Catalog() {
		for _, limit := range adapter.Limits() {
			operations = append(operations, limit.Operations...)
		}
	}
	slices.Sort(operations)
	return "    limits: [{concurrency: 200}, {concurrency: 200, operations: [" + strings.Join(slices.Compact(operations), ", ") + "]}]\n"
}

var robot = regexp.MustCompile(`(?m)^      - robot: versanddesk\n(?:        .*\n)+`)

// furnish adds the measured use case to the workspace that the company wrote, without limits, and returns the
// configuration in which a robot reads the fulfilment portal. The one that it writes asks a service.
func furnish(dir, fulfilment string) (withRobot string, err error) {
	err = fs.WalkDir(content, "workspace", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := content.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, path), text, 0o600)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(configOf(dir))
	if err != nil {
		return "", err
	}
	free := noLimits()
	withRobot = regexp.MustCompile(`(?m)^    contract: .*\n`).ReplaceAllString(string(raw), "$0"+free)
	withRobot = strings.Replace(withRobot, "    contract: people\n"+free, "    contract: people\n", 1)
	service := "      - adapter: fulfilment-http\n        settings: {url: '" + fulfilment + "'}\n        secrets: {token: 'file:secrets/desk-password'}\n"
	withService := robot.ReplaceAllString(withRobot, service)
	withService = strings.Replace(withService, "network: {allow: [", "network: {allow: ['"+strings.TrimPrefix(fulfilment, "http://")+"', ", 1)
	if withService == withRobot {
		return "", errors.New("the demo's workspace has no robot for fulfilment any more")
	}
	return withRobot, os.WriteFile(configOf(dir), []byte(withService), 0o600)
}

func configOf(dir string) string { return filepath.Join(workspaceIn(dir), "crosswalk.yaml") }
