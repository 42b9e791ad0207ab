package robots

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFramesAndWindowsOfOtherSitesHaveTheLanguageToo holds that a frame and a window of another site, in processes of their own,
// and those of the same site show times and numbers as the page does.
func TestFramesAndWindowsOfOtherSitesHaveTheLanguageToo(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	other := strings.Replace(p.host(), "127.0.0.1", "localhost", 1)
	p.mux.HandleFunc("GET /clock", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `<p>Asked in %s</p><p id="at"></p><script>document.getElementById('at').textContent = 'It is ' + Intl.DateTimeFormat().resolvedOptions().timeZone + ' ' + (1234.5).toLocaleString()</script>`, r.Header.Get("Accept-Language"))
	})
	p.mux.HandleFunc("GET /clocks", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `<iframe name="far" src="http://%[1]s/clock"></iframe><iframe name="near" src="/clock"></iframe>
			<button onclick="window.open('/clock', 'nearby')">Near</button><button onclick="window.open('http://%[1]s/clock', 'faraway')">Far</button>`, other)
	})
	fence := p.fence()
	fence.allow(other, true)
	ctx, tb := openPageWith(t, p, "clocks", tabOptions{fence: fence, locale: "de-DE", timezone: "Asia/Tokyo"})
	for _, button := range []string{"Near", "Far"} {
		_, err := tb.click(ctx, exact("button", button))
		require.NoError(t, err)
	}
	for _, place := range []string{"far", "near", within("nearby", ""), within("faraway", "")} {
		for _, text := range []string{"Asked in de-DE", "It is Asia/Tokyo 1.234,5"} {
			_, err := tb.until(ctx, inFrame(place, exact("text", text)))
			require.NoError(t, err, sayFrame(place))
		}
	}
}
