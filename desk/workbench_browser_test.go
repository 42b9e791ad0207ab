package desk

import (
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// keys writes into what has the focus, one key after the other.
func (p *tab) keys(keys ...input.Key) {
	p.t.Helper()
	for _, key := range keys {
		require.NoError(p.t, p.Keyboard.Type(key))
	}
}

// shows waits until something on the page says the words.
func (p *tab) shows(selector, words string) {
	p.t.Helper()
	_, err := p.ElementR(selector, words)
	require.NoError(p.t, err, words)
}

// atTheWorkbench changes a table with the keyboard alone, from an error to the saved file.
func atTheWorkbench(t *testing.T, b *rod.Browser) {
	s := newScene(t, "").seed()
	bench := s.bench()
	made, err := s.Store.CreateCase(t.Context(), store.NewCase{UseCase: "callback"})
	require.NoError(t, err)
	require.NoError(t, s.Store.WriteRecord(t.Context(), store.Record{CaseID: made.ID, Decisions: []store.Decision{{Path: "urgency", Generation: 1, At: time.Now(), Table: "urgency", Row: "U03",
		Facts: wire(t, rec("text", "it drips", "phone_known", false)), Outputs: wire(t, rec("level", "later", "reason", "first find out how to reach them"))}}}))
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	dan := open(t, b, server.URL, 1280)
	dan.logIn(boss)
	dan.press(input.KeyU)
	dan.click(".list a", "How soon do we call back")
	dan.shows("#problems li", "cannot be analysed")
	dan.shows("#state", "as in the file")

	// A wrong word in a cell is said at the cell, with what was meant.
	cell := dan.MustElement(`#grid input[aria-label="Row U03, level"]`)
	require.NoError(t, cell.SelectAllText())
	require.NoError(t, cell.Input("latr"))
	dan.shows("#problems li", "^row U03, level: \"latr\" .*did you mean .later.")
	require.Equal(t, "true", dan.eval(`() => document.activeElement.getAttribute("aria-invalid")`))
	dan.shows("#state", "draft kept")
	require.NoError(t, cell.SelectAllText())
	require.NoError(t, cell.Input("today"))
	dan.shows("#problems li", "cannot be analysed")

	// Rows: add, repeat, move, take out, take back, without a mouse.
	alt := func(key input.Key) {
		t.Helper()
		require.NoError(t, dan.KeyActions().Press(input.AltLeft).Type(key).Do())
	}
	ids := `() => [...document.querySelectorAll('#grid input[data-column="0"]')].map((e) => e.value).join(" ")`
	alt(input.KeyD)
	require.Equal(t, "U01 U02 U03 U03-2", dan.eval(ids))
	alt(input.ArrowUp)
	require.Equal(t, "U01 U02 U03-2 U03", dan.eval(ids))
	alt(input.Delete)
	require.Equal(t, "U01 U02 U03", dan.eval(ids))
	alt(input.Insert)
	require.Equal(t, "U01 U02 U03 ", dan.eval(ids))
	require.NoError(t, dan.KeyActions().Press(input.ControlLeft).Type(input.KeyZ).Do())
	require.Equal(t, "U01 U02 U03", dan.eval(ids))
	dan.keys(input.ArrowUp)
	require.Equal(t, "Row U02, level", dan.eval(`() => document.activeElement.getAttribute("aria-label")`))

	// Try it, look at what it would have changed, save it.
	dan.fill(`[name="text"]`, "the tap drips")
	require.NoError(t, dan.MustElement(`[name="phone_known"]`).Select([]string{"false"}, true, rod.SelectorTypeText))
	dan.choose("#try button", "What is decided")
	dan.shows("#explained p", "Row U03 decided: level: today")
	dan.shows("#explained td", "Danger is false, the row wants true")
	dan.choose("#backtest button", "Try it on past decisions")
	dan.shows("#flips p", "1 decisions: 0 the same, 1 change")
	dan.shows("#flips div", `1: row U03 .*later.* → row U03 .*today`)
	dan.shoot("workbench")
	dan.choose("#save", "Save to workspace")
	dan.shows("#state", "saved to rules/urgency.yaml")
	text, err := os.ReadFile(bench.file)
	require.NoError(t, err)
	require.Contains(t, string(text), "U03 | -      | false       | today | first find out")
	require.Equal(t, "[]", dan.eval(`() => JSON.stringify(window.trapped)`))

	// What a table says is text, whatever it looks like, also on a narrow screen.
	hostileCell := dan.MustElement(`#grid input[aria-label="Row U01, reason"]`)
	require.NoError(t, hostileCell.SelectAllText())
	require.NoError(t, hostileCell.Input(`"><img src=x onerror=alert(1)>`))
	dan.choose("#try button", "What is decided")
	dan.shows("#state", "draft kept")
	narrow := open(t, b, server.URL, 390)
	narrow.logIn(boss)
	narrow.goTo("/rules/urgency")
	narrow.shows("#state", "your draft")
	narrow.fits()
	require.Equal(t, "0", narrow.eval(`() => String(document.querySelectorAll("img, [onerror]").length)`))
	require.Equal(t, "[]", narrow.eval(`() => JSON.stringify(window.trapped)`))
}
