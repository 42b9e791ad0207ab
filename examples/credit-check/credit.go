package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Search is what FindCompany takes: the `input` of the step, as plain JSON.
type Search struct {
	Company string `json:"company"`
}

// Company is an entry of the register.
type Company struct {
	Number  string `json:"number"`
	Name    string `json:"name"`
	Founded string `json:"founded"` // a date crosses as text, 2006-01-02
}

// register of companies, in place of the real one.
var companies = []Company{
	{Number: "HRB 1001", Name: "Acme Kettles Ltd", Founded: "1984-05-01"},
	{Number: "HRB 1002", Name: "Brook and Sons", Founded: "2025-11-30"},
}

// FindCompany looks a company up. That there is none is an error with a type of its own, to which the use case gives a
// class; it must not be tried again.
func FindCompany(ctx context.Context, search Search) (Company, error) {
	activity.RecordHeartbeat(ctx)
	for _, one := range companies {
		if strings.Contains(strings.ToLower(one.Name), strings.ToLower(search.Company)) {
			return one, nil
		}
	}
	return Company{}, temporal.NewNonRetryableApplicationError("the register knows no such company", "CompanyUnknown", nil)
}

// Application is what CheckCredit takes.
type Application struct {
	Number  string  `json:"number"`
	Founded string  `json:"founded"`
	Amount  float64 `json:"amount"`
}

// Credit is what CheckCredit gives back: the `result` of the step.
type Credit struct {
	Score  int     `json:"score"`
	Limit  float64 `json:"limit"`
	Reason string  `json:"reason"`
}

// CheckCredit is a workflow like any other. When the case is cancelled, it is too.
func CheckCredit(ctx workflow.Context, application Application) (Credit, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
	var score int
	if err := workflow.ExecuteActivity(ctx, Score, application).Get(ctx, &score); err != nil {
		return Credit{}, err
	}
	if score < 50 {
		return Credit{Score: score, Reason: fmt.Sprintf("%s is too young", application.Number)}, nil
	}
	return Credit{Score: score, Limit: float64(score) * 100, Reason: "well known"}, nil
}

// Score rates a company by its age: in place of a credit bureau.
func Score(_ context.Context, application Application) (int, error) {
	founded, err := time.Parse(time.DateOnly, application.Founded)
	if err != nil {
		return 0, temporal.NewNonRetryableApplicationError("no date: "+application.Founded, "Validation", err)
	}
	return min(100, 2*(2026-founded.Year())), nil
}
