package robots

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
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

// TestSecretsAreMaskedHoweverAPageShowsThem holds that a picture hides a secret in whatever form and place, and nothing beside it.
func TestSecretsAreMaskedHoweverAPageShowsThem(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	const secret = "Zürich/7 & co"
	shows := map[string]string{
		"address": `<i>?key=Z%C3%BCrich%2F7%20%26%20co</i>`, "small letters": `<i>Z%c3%bcrich%2f7+%26+co</i>`, "JSON": `<i>{"key": "Z\u00fcrich\/7 &amp; co"}</i>`,
		"base64": `<i>Basic YWRhOlrDvHJpY2gvNyAmIGNv</i>`, "split": `<i><b>Zürich</b>/7 <b>&amp; co</b></i>`, "placeholder": `<i><input placeholder="Zürich/7 &amp; co"></i>`,
		"alt": `<i><img src="/none" alt="Zürich/7 &amp; co"></i>`, "value": `<i><button value="Zürich/7 &amp; co">x</button></i>`,
	}
	for name, html := range shows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.page("/"+strings.ReplaceAll(name, " ", "-"), `<p>Welcome</p>`+html)
			ctx, tb := openPage(t, p, strings.ReplaceAll(name, " ", "-"))
			program := compileTest(t, plainSystem, "  - goto: /x\n", "{}")
			u := &run{program: program, system: &System{Secrets: []string{"key"}}, tab: tb, journal: newJournal(), call: Call{Secrets: map[string]contracts.Secret{"key": contracts.NewSecret(secret)}}}
			seen, err := tb.sees(ctx, exact("text", "Welcome"), false)
			require.NoError(t, err)
			require.True(t, seen)
			fresh, err := u.mask(ctx)
			require.NoError(t, err)
			require.NotZero(t, fresh)
			seen, err = tb.sees(ctx, exact("text", "Welcome"), false)
			require.NoError(t, err)
			require.True(t, seen, "what is beside it stays")
		})
	}
}

// TestATokenThatIsRenewedIsMasked holds that what the application keeps in the browser now is hidden, and what it kept before.
func TestATokenThatIsRenewedIsMasked(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	const first, second, cookie = "k3J9x8Qz1aBcDe01", "q7Lm2Vn4Xw6Yt8Rz", "c0Ok1eS3ss10nT0k"
	p.page("/first", `<script>sessionStorage.setItem('token', '`+first+`'); document.cookie = 'sid=`+cookie+`'</script><p>Welcome</p><h2>`+first+`</h2>`)
	p.page("/second", `<script>sessionStorage.setItem('token', '`+second+`')</script><p>Welcome</p><a href="/t/`+second+`">`+first+`</a><form action="/`+cookie+`"><label>`+cookie+`<input></label></form><table><tr><td>`+first+`</td><td>`+second+`</td><td>`+cookie+`</td></tr></table>`)
	for _, find := range []string{"\n  - goto: /first\n  - goto: /second\n", "\n  - goto: /first\n  - goto: /second\n  - table: {from: {headers: [A, B]}, columns: {A: a, B: b}, as: rows}\n"} {
		program := compileTest(t, hastyReads, find, "{}")
		var asked string
		result, err := NewRunner(pool, nil).Run(t.Context(), program, Call{Base: p.URL, Pictures: true})
		if err != nil {
			asked = err.Error()
		}
		require.NotEmpty(t, result.Evidence)
		for _, token := range []string{first, second, cookie} {
			require.NotContains(t, asked, token)
			for _, file := range result.Evidence {
				require.NotContains(t, string(file.Bytes), token, file.Name)
			}
		}
	}
}
