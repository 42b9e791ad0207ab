package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/store"
	"crosswalk/workflows"
	"crosswalk/workspace"
)

// canaryRunner tries robots whose files say so, with the fence never armed, and keeps how it ended.
type canaryRunner struct {
	store *store.Store
	reach *reach
	find  func(name string) *workspace.Timer
	log   *slog.Logger
}

// Run tries the robot of a canary once. That it fails is a finding, and no error.
func (r *canaryRunner) Run(ctx context.Context, in workflows.TimerInput) error {
	timer := r.find(in.Name)
	if timer == nil || timer.Canary == nil {
		return nil // the workspace does not have it any more
	}
	of := *timer.Canary
	state, err := r.store.SystemState(ctx, of.System)
	if err != nil || state.Paused {
		return err
	}
	robot, program := r.reach.canary(of)
	if program == nil {
		return nil
	}
	byHand, err := r.askedFor(ctx, in.Name)
	if err != nil {
		return err
	}
	began := time.Now()
	result, failed := robot.try(ctx, program, byHand)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	canary := store.RobotCanary{System: of.System, Operation: of.Operation, Robot: of.Robot, At: began.UTC(), Took: time.Since(began), Warnings: result.Warnings}
	if failed != nil {
		canary.Class, canary.Message = string(contracts.ClassOf(failed)), failed.Error()
		r.log.Warn("canary.failed", "system", of.System, "operation", of.Operation, "class", canary.Class)
	}
	var report []byte
	for _, one := range result.Evidence {
		if one.Name == robots.ReportName && (failed != nil || len(result.Warnings) > 0) {
			report = one.Bytes
		}
	}
	keep := program.Keep()
	if keep == 0 {
		keep = canaryReport
	}
	return r.store.PutRobotCanary(ctx, canary, report, time.Now().Add(keep))
}

// canaryReport is how long the report of a canary is kept whose robot's file does not say how long evidence is.
const canaryReport = 30 * 24 * time.Hour

// canary finds the robot in force of a canary; no program if there is none.
func (r *reach) canary(of workspace.CanaryOf) (robot, *robots.Program) {
	system := r.now().Systems[of.System]
	if system == nil || system.Off {
		return robot{}, nil
	}
	for _, driver := range system.Drivers {
		if found, is := driver.Executor.(robot); is && !driver.Off {
			if program := found.programs[of.Operation]; program != nil && program.Canary() != nil {
				return found, program
			}
		}
	}
	return robot{}, nil
}

// metaByHand names what says that somebody asked for a canary.
func metaByHand(timer string) string { return "canary by hand: " + timer }

// askedFor says whether somebody asked for this run of a canary, once.
func (r *canaryRunner) askedFor(ctx context.Context, timer string) (bool, error) {
	asked, err := r.store.Meta(ctx, metaByHand(timer))
	if errors.Is(err, store.ErrNotFound) || err == nil && asked == "" {
		return false, nil
	}
	if err == nil {
		err = r.store.SetMeta(ctx, metaByHand(timer), "")
	}
	return err == nil, err
}

// try runs a canary.
func (r robot) try(ctx context.Context, program *robots.Program, byHand bool) (robots.Result, error) {
	secrets, err := r.driver.ResolveSecrets()
	if err != nil {
		return robots.Result{}, err
	}
	return r.runner.Try(ctx, program, robots.Call{Secrets: secrets, Base: r.driver.BaseURL, AllowHosts: r.allow, ByHand: byHand,
		Heartbeat: func(step string) { activity.RecordHeartbeat(ctx, step) }})
}
