package robots

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatIsNoStrayClick holds that the guard of the mouse keeps nothing from a page that it means to do: keys press buttons
// too, and what a press has put over the page is no other element.
func TestWhatIsNoStrayClick(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.page("/boxes", `<form action="/sent"><label>Name <input name="name"></label><label>Terms <input type="checkbox" name="terms" checked></label><button>Send</button></form>`)
	p.page("/sent", `<h1>Thanks</h1>`)
	const veil = `const veil = document.createElement('div'); veil.style = 'position:fixed;inset:0;background:#ccc'; veil.textContent = 'Loading'; document.body.append(veil)`
	for _, on := range []string{"mousedown", "pointerdown"} {
		p.page("/"+on, `<button on`+on+`="`+veil+`">Act</button>`)
	}
	for name, steps := range map[string]string{
		"a key after a box that was ticked": "{goto: /boxes}, {fill: {into: {label: Name}, value: x}}, {check: {label: Terms}}, {key: {press: Enter, on: {label: Name}}}, {expect: {text: Thanks}}",
		"a key where the focus is":          "{goto: /boxes}, {fill: {into: {label: Name}, value: x}}, {click: {label: Name}}, {check: {label: Terms}}, {key: Enter}, {expect: {text: Thanks}}",
		"a veil at mousedown":               "{goto: /mousedown}, {click: {button: Act}}, {expect: {text: Loading}}",
		"a veil at pointerdown":             "{goto: /pointerdown}, {click: {button: Act}}, {expect: {text: Loading}}",
	} {
		_, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, plainSystem, "  ["+steps+"]", "{}"), Call{Base: p.URL})
		require.NoError(t, err, name)
	}
}
