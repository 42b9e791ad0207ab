package desk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// readWish reads a form.
func readWish(r *http.Request) (wish, error) {
	form := postForm{r}
	w := wish{Act: r.PathValue("act"), Step: form.text("step"), Reason: form.text("reason"), Yes: form.text("yes") != "", Undo: form.text("undo") != ""}
	var err error
	if w.With, err = jsonField(form, "with"); err == nil {
		w.Value, err = jsonField(form, "value")
	}
	return w, err
}

func jsonField(form postForm, name string) (rules.Value, error) {
	text := form.text(name)
	if text == "" {
		return rules.Missing(), nil
	}
	v, err := rules.FromJSON([]byte(text))
	if err != nil {
		return v, wrong(name + ": this is not JSON.")
	}
	return v, nil
}

// repairCase is a form of the case's page. What repeats writes is shown first, and done when that is confirmed.
func (d *Desk) repairCase(w http.ResponseWriter, r *http.Request, who person) error {
	wish, err := readWish(r)
	if err != nil {
		return err
	}
	wish.DryRun = wish.Act == store.ActCancel && !wish.Yes
	done, err := d.repair(r.Context(), who, r.PathValue("id"), wish)
	if err != nil {
		return err
	}
	if !done.Done {
		title := "Do it again?"
		if wish.DryRun {
			title = "Cancel it?"
		}
		return d.render(w, http.StatusOK, "confirm", page{Title: title, Person: who, Here: "cases", Data: confirmation{Repaired: done, Wish: wish,
			With: plainText(wish.With), Value: plainText(wish.Value)}})
	}
	return redirect(w, r, "/cases/"+url.PathEscape(done.Case))
}

// confirmation is what the page shows on which somebody says yes.
type confirmation struct {
	Repaired    repaired
	Wish        wish
	With, Value string
}

func plainText(v rules.Value) string {
	if v.IsMissing() {
		return ""
	}
	return string(v.Plain())
}

// apiRepair does the same for programs. A filter in the address, as lists of cases take it, is what the case must still be
// like.
func (d *Desk) apiRepair(w http.ResponseWriter, r *http.Request, who person) error {
	var in struct {
		Step   string          `json:"step"`
		Reason string          `json:"reason"`
		With   json.RawMessage `json:"with"`
		Value  json.RawMessage `json:"value"`
		Yes    bool            `json:"yes"`
		Undo   bool            `json:"undo"`
		DryRun bool            `json:"dry_run"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	asked := wish{Act: r.PathValue("act"), Step: in.Step, Reason: in.Reason, Yes: in.Yes, Undo: in.Undo, DryRun: in.DryRun}
	for name, field := range map[string]struct {
		raw  json.RawMessage
		into *rules.Value
	}{"with": {in.With, &asked.With}, "value": {in.Value, &asked.Value}} {
		if len(field.raw) == 0 {
			continue
		}
		v, err := rules.FromJSON(field.raw)
		if err != nil {
			return wrong(name + ": " + err.Error())
		}
		*field.into = v
	}
	if r.URL.RawQuery != "" {
		only, err := readCaseFilter(r)
		if err != nil {
			return err
		}
		asked.Only = &only
	}
	done, err := d.repair(r.Context(), who, r.PathValue("id"), asked)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"repair": done})
	return nil
}

// mostAtOnce is how many cases one page repairs.
const mostAtOnce = 200

// bulkActs are those that need no more than a word for each case.
var bulkActs = []string{store.ActRetry, store.ActSkip, store.ActMove, store.ActCancel}

// bulkData is the page on which many cases are repaired: first those that are meant, then what became of each.
type bulkData struct {
	Filter  caseListFilter
	Query   string
	Cases   []store.Case
	Total   int
	Acts    []string
	Results []bulkResult
}

type bulkResult struct {
	Case    store.Case
	Message string
	Bad     bool
}

func (d *Desk) bulkPage(w http.ResponseWriter, r *http.Request, who person) error {
	data, err := d.bulkData(r, who)
	if err != nil {
		return err
	}
	return d.render(w, http.StatusOK, "bulk", page{Title: "Repair cases", Person: who, Here: "cases", Data: data})
}

func (d *Desk) bulkData(r *http.Request, who person) (bulkData, error) {
	filter, err := readCaseFilter(r)
	if err != nil {
		return bulkData{}, err
	}
	filter.Page = 0
	if filter.State == "" {
		filter.State = "open"
	}
	chosen := filter.cases(d.now())
	chosen.Limit, chosen.Oldest = mostAtOnce, true
	data := bulkData{Filter: filter, Query: filter.query(), Acts: slices.DeleteFunc(slices.Clone(bulkActs), func(act string) bool { return !d.mayRepair(who, act) })}
	if data.Cases, err = d.Store.Cases(r.Context(), chosen); err == nil {
		data.Total, err = d.Store.CountCases(r.Context(), chosen)
	}
	return data, err
}

// bulk does one act on every case that was on the page and that the filter still chooses, one after the other, and says
// what became of each. What gives a step up means the step that stood there.
func (d *Desk) bulk(w http.ResponseWriter, r *http.Request, who person) error {
	data, err := d.bulkData(r, who)
	if err != nil {
		return err
	}
	form := postForm{r}
	asked := wish{Act: form.text("act"), Reason: form.text("reason"), Yes: true, Undo: form.text("undo") != ""}
	if !slices.Contains(bulkActs, asked.Act) {
		return wrong("act: choose what is to be done.")
	}
	if err := asked.check(); err != nil {
		return err
	}
	shown := r.PostForm["case"]
	if len(shown) == 0 || len(shown) > mostAtOnce {
		return wrong(fmt.Sprintf("case: between 1 and %d cases.", mostAtOnce))
	}
	for _, id := range shown {
		of, err := d.Store.Case(r.Context(), id)
		if err != nil {
			return err
		}
		only := data.Filter
		if step := form.text("at." + id); step != "" && asked.Act == store.ActSkip {
			only.Step, asked.Step = step, step
		} else {
			asked.Step = ""
		}
		asked.Only = &only
		result := bulkResult{Case: of}
		if done, err := d.repair(r.Context(), who, of.ID, asked); err != nil {
			status, message := statusOf(err)
			if status >= http.StatusInternalServerError {
				d.Log.Error("desk.bulk.failed", "case", of.ID, "error", err)
			}
			result.Message, result.Bad = message, true
		} else {
			result.Message = done.Message
		}
		data.Results = append(data.Results, result)
	}
	return d.render(w, http.StatusOK, "bulk", page{Title: "Repair cases", Person: who, Here: "cases", Data: data})
}

// repairActs are those that the person may do.
func (d *Desk) repairActs(who person) map[string]bool {
	may := map[string]bool{}
	for _, act := range workspace.RepairActs {
		may[act] = d.mayRepair(who, act)
	}
	return may
}
