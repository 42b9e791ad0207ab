package robots

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

// TestWhatLiesInAShadowRootIsSaid holds that nobody looks for a mistake of his own where a page keeps something from robots.
func TestWhatLiesInAShadowRootIsSaid(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.page("/shadow", `<!doctype html><label>Kunde <input value=301></label><my-order></my-order><script>
		document.querySelector('my-order').attachShadow({mode: 'open'}).innerHTML = '<label>Auftrag <input value=12></label>' +
			'<table><tr><th>Beleg</th></tr><tr><td>1</td></tr></table>'</script>`)
	run := func(step string) error {
		program := compileTest(t, hastyReads, "\n  - goto: /shadow\n  - "+step, "{rows: '${rows}'}")
		_, err := NewRunner(pool, nil).Run(t.Context(), program, Call{Base: p.URL})
		return err
	}
	require.NoError(t, run("read: {from: {label: Kunde}, as: rows}"))
	for _, step := range []string{"read: {from: {label: Auftrag}, as: rows}", "table: {from: {}, columns: {Beleg: number}, as: rows}"} {
		err := run(step)
		require.Equal(t, contracts.Drift, contracts.ClassOf(err), "%v", err)
		require.ErrorContains(t, err, "lies in a shadow root (of my-order)")
	}
}
