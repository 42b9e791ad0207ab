package desk

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"crosswalk/store"
)

// systemView is a system and what was said about it.
type systemView struct {
	Name    string            `json:"system"`
	State   store.SystemState `json:"state"`
	Waiting int               `json:"waiting"` // cases
	Cases   []waitingCase     `json:"cases"`   // those that have waited longest
	Held    []held            `json:"held"`    // its connections that nobody uses for a while
	Drift   []driftView       `json:"drift"`   // fields of its answers that are not as they were
}

// waitingCase is a case that waits for a system.
type waitingCase struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	UseCase   string    `json:"use_case"`
	Step      string    `json:"step"`
	Since     time.Time `json:"since"`
}

// waitingShown is how many cases are listed under a system.
const waitingShown = 20

// held is a connection that is paused by the system itself, or that failed too often.
type held struct {
	Adapter string    `json:"adapter"`
	Until   time.Time `json:"until"`
	Broken  bool      `json:"broken,omitempty"`
}

// String says it in a sentence without its beginning.
func (h held) String() string {
	until := h.Until.UTC().Format(time.RFC3339)
	if h.Broken {
		return "left alone after several failures, tried again at " + until + " (" + h.Adapter + ")"
	}
	return "paused by the system until " + until + " (" + h.Adapter + ")"
}

// heldNow are the connections that are held back now, by system.
func (d *Desk) heldNow(ctx context.Context) (map[string][]held, error) {
	holds, err := d.Store.ConnectionHolds(ctx)
	if err != nil {
		return nil, err
	}
	bySystem := map[string][]held{}
	for _, one := range holds {
		system, adapter, _ := strings.Cut(one.Connection, "/")
		if one.Broken || one.Until.After(d.now()) {
			bySystem[system] = append(bySystem[system], held{adapter, one.Until, one.Broken})
		}
	}
	return bySystem, nil
}

// explainWaits says of the systems that a case waits for why nobody calls them now.
func (d *Desk) explainWaits(ctx context.Context, waits []Wait) error {
	bySystem, err := d.heldNow(ctx)
	if err != nil {
		return err
	}
	for i, wait := range waits {
		if wait.Kind != "system" {
			continue
		}
		system := wait.System
		if system == "" {
			system = wait.For
		}
		state, err := d.Store.SystemState(ctx, system)
		if err != nil {
			return err
		}
		if state.Paused {
			waits[i].Held = append(waits[i].Held, strings.TrimSuffix(system+" is paused by "+state.Who+": "+state.Reason, ": "))
		}
		for _, one := range bySystem[system] {
			waits[i].Held = append(waits[i].Held, system+" is "+one.String())
		}
	}
	return nil
}

func (d *Desk) systemViews(ctx context.Context) ([]systemView, error) {
	views := []systemView{}
	bySystem, err := d.heldNow(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range d.Systems() {
		state, err := d.Store.SystemState(ctx, name)
		if err != nil {
			return nil, err
		}
		waiting, err := d.Store.CountCases(ctx, store.CaseFilter{WaitingFor: name, Open: true})
		if err != nil {
			return nil, err
		}
		found, err := d.Store.Cases(ctx, store.CaseFilter{WaitingFor: name, Open: true, Oldest: true, Limit: waitingShown})
		if err != nil {
			return nil, err
		}
		cases := []waitingCase{}
		for _, one := range found {
			cases = append(cases, waitingCase{one.ID, one.Reference, one.UseCase, one.WaitingStep, one.WaitingSince})
		}
		drift, err := d.driftViews(ctx, name)
		if err != nil {
			return nil, err
		}
		views = append(views, systemView{name, state, waiting, cases, append([]held{}, bySystem[name]...), drift})
	}
	return views, nil
}

func (d *Desk) systemList(w http.ResponseWriter, r *http.Request, who person) error {
	views, err := d.systemViews(r.Context())
	if err != nil {
		return err
	}
	return d.render(w, http.StatusOK, "systems", page{Title: "Systems", Person: who, Here: "systems", Data: views})
}

func (d *Desk) system(w http.ResponseWriter, r *http.Request, who person) error {
	if err := d.setSystem(r.Context(), who, r.PathValue("name"), r.PathValue("act"), postForm{r}.text("reason")); err != nil {
		return err
	}
	return redirect(w, r, "/systems")
}

func (d *Desk) setSystem(ctx context.Context, who person, name, act, reason string) error {
	if !slices.Contains(d.Systems(), name) {
		return refusal{http.StatusNotFound, "There is no system " + name + "."}
	}
	var err error
	switch act {
	case "pause":
		err = d.Store.PauseSystem(ctx, name, who.login, reason)
	case "learn":
		err = d.Store.LearnAnew(ctx, name)
	case "resume":
		err = d.Store.ResumeSystem(ctx, name, who.login)
	default:
		return refusal{http.StatusNotFound, "A system can be paused and resumed, and its answers learned anew."}
	}
	if err != nil {
		return err
	}
	return d.audit(ctx, who, "system."+act, "", map[string]any{"system": name})
}
