package robots

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMasksOfPagesThatChange holds that what comes while a picture is taken is hidden too, that there is no picture of a page
// that does not stand still, and that a page which is worked on afterwards is as it was before.
func TestMasksOfPagesThatChange(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	grows := func(script string) string {
		return `<p>Welcome</p><p>IBAN: DE44 5001</p><script>new MutationObserver((_, me) => { ` + script + ` }).observe(document.body, {subtree: true, attributes: true})</script>`
	}
	more := `const p = document.createElement('p'); p.textContent = 'IBAN: DE44 5001'; document.body.append(p);`
	p.page("/once", grows(`me.disconnect(); `+more))
	p.page("/always", grows(more))
	program := compileTest(t, plainSystem, "  - goto: /once\nevidence: {mask: [{text: '/DE44/'}]}", "{}")
	iban := &spec{Kind: "text", Text: &matcher{Regex: "DE44"}}
	seen := func(ctx context.Context, tb *tab) bool {
		seen, err := tb.sees(ctx, iban, false)
		require.NoError(t, err)
		return seen
	}
	ctx, tb := openPage(t, p, "once")
	require.True(t, seen(ctx, tb), "it waits until the page is loaded")
	u := &run{program: program, system: program.System, tab: tb, journal: newJournal()}
	shot, err := u.maskedShot(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, shot)
	require.False(t, seen(ctx, tb))
	f, err := tb.findFrame("")
	require.NoError(t, err)
	require.NoError(t, tb.call(ctx, f, "unmask", nil, nil))
	require.True(t, seen(ctx, tb), "it stays hidden for good")
	require.NotEmpty(t, u.shot(ctx))
	require.True(t, seen(ctx, tb), "the page is worked on after the picture")

	ctx, tb = openPage(t, p, "always")
	require.True(t, seen(ctx, tb), "it waits until the page is loaded")
	u = &run{program: program, system: program.System, tab: tb, journal: newJournal()}
	_, err = u.maskedShot(ctx)
	require.ErrorIs(t, err, errNeverStill)
}

// TestNamesOfSeveralFrames holds that what is said of a frame is said of each that its name fits, in whatever window.
func TestNamesOfSeveralFrames(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.page("/two", `<iframe name="a" src="/detail?1"></iframe><iframe name="outer" src="/middle?1"></iframe><iframe name="outer" src="/middle?2"></iframe>
		<button onclick="window.open('/popup', 'popup')">Open</button>`)
	p.page("/middle", `<iframe name="inner" src="/detail?2"></iframe>`)
	p.page("/popup", `<iframe name="a" src="/detail?3"></iframe>`)
	p.page("/detail", `<p>IBAN: DE44 5001</p>`)
	ctx, tb := openPage(t, p, "two")
	_, err := tb.click(ctx, exact("button", "Open"))
	require.NoError(t, err)
	count := func(name string) (count int) {
		for _, f := range tb.allFrames() {
			if tb.isIn(f, name) {
				count++
			}
		}
		return count
	}
	for name, frames := range map[string]int{"*/detail*": 4, "outer/inner": 2, "inner": 2, "outer": 2, "a": 2, within("popup", "a"): 1, within("popup", ""): 1, "[0]": 2, "[1]/[0]": 1, "": 2, "b": 0} {
		require.Eventually(t, func() bool { return count(name) == frames }, time.Minute, pollEvery, "%q: %d", name, count(name))
	}
}
