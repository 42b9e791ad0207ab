package sqlledger

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/robots"
)

// swap exchanges two texts of a page.
func swap(one, other string) func(string) string {
	return strings.NewReplacer(one, other, other, one).Replace
}

var postButton = regexp.MustCompile(`<input[^>]*value="Post"[^>]*>`)

// TestChangedPagesNeverWriteWrongly: SQL-Ledger's form is another one than the robot was made for. Either the robot does
// its work all the same, and rightly, or it stops as drift before anything is sent.
func TestChangedPagesNeverWriteWrongly(t *testing.T) {
	b := newBench(t)
	program, brief, runner, customer := impatient(t), quicker(t, "step: 20s", "step: 8s", "within: 40s", "within: 20s"), robots.NewRunner(b.pool, nil), b.customer("Ada Brown")
	post := func(used *robots.Program, key string) (err error) {
		journal := fileJournal(filepath.Join(t.TempDir(), "journal"))
		for range 3 { // a slow machine
			if _, err = runner.Run(t.Context(), used, postingCall(t, b.server.URL, customer, key, journal)); !contracts.ClassOf(err).Temporary() {
				break
			}
		}
		return err
	}
	for fault, c := range map[string]struct {
		change func(string) string
		done   bool
	}{
		"the button has moved": {done: true, change: func(page string) string {
			return strings.Replace(postButton.ReplaceAllString(page, ""), "</form>", "<p>"+postButton.FindString(page)+"</p></form>", 1)
		}},
		"the button stands first, which is an update to SQL-Ledger": {change: func(page string) string {
			form := regexp.MustCompile(`<form[^>]*name="?main"?[^>]*>`)
			return form.ReplaceAllStringFunc(postButton.ReplaceAllString(page, ""), func(tag string) string { return tag + postButton.FindString(page) })
		}},
		"a second button of the same name": {change: func(page string) string { return postButton.ReplaceAllString(page, "$0 $0") }},
		"the button does something else": {change: func(page string) string {
			return postButton.ReplaceAllString(page, `<button class=submit type=submit name=action value="Delete">Post</button>`)
		}},
		"the article's field is renamed":   {change: func(page string) string { return strings.ReplaceAll(page, "partnumber_", "article_") }},
		"the price's field is renamed":     {change: func(page string) string { return strings.ReplaceAll(page, "sellprice_", "price_") }},
		"quantity and price are exchanged": {change: swap(`name="qty_`, `name="sellprice_`)},
		"two headings are exchanged":       {change: swap(">Qty<", ">Price<")},
		"a heading is renamed":             {change: func(page string) string { return strings.ReplaceAll(page, ">Number<", ">Article<") }},
		"two labels are exchanged":         {change: swap("PO Number", "Order Number")},
		"another field must be filled": {change: func(page string) string {
			return strings.Replace(page, `name="shippingpoint"`, `required name="shippingpoint"`, 1)
		}},
		"it asks once more": {change: func(page string) string {
			return strings.Replace(page, `value="Post"`, `value="Post" onclick="return confirm('Post the invoice?')"`, 1)
		}},
		"the form leads elsewhere": {change: func(page string) string {
			return regexp.MustCompile(`action="?is\.pl"?`).ReplaceAllString(page, `action="ir.pl"`)
		}},
		"the form leads to another machine": {change: func(page string) string {
			return regexp.MustCompile(`action="?is\.pl"?`).ReplaceAllString(page, `action="http://198.51.100.7/is.pl"`)
		}},
		"another customer is chosen": {change: func(page string) string {
			return strings.NewReplacer(`<option value="Ada Brown--`+customer+`" selected>`, `<option value="Ada Brown--`+customer+`">`, `<option value="Ben Cole--`, `<option selected value="Ben Cole--`).Replace(page)
		}},
	} {
		t.Run(fault, func(t *testing.T) {
			var changed atomic.Bool
			var posts atomic.Int64
			b.between.Store(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if !strings.HasSuffix(r.URL.Path, "/is.pl") {
					if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/login.pl") {
						posts.Add(1)
					}
					next.ServeHTTP(w, r)
					return
				}
				if sends(t, r) {
					posts.Add(1)
				}
				answer := httptest.NewRecorder()
				next.ServeHTTP(answer, r)
				page := answer.Body.String()
				answer.Body.Reset()
				answer.Body.WriteString(c.change(page))
				if answer.Body.String() != page {
					changed.Store(true)
				}
				copyAnswer(w, answer, "")
			})
			used := brief // it looks for what is not there for some seconds only
			if c.done {
				used = program
			}
			err := post(used, fault)
			t.Logf("%v", err)
			require.True(t, changed.Load(), "the page has not changed")
			right := b.count(`SELECT count(*) FROM ar JOIN invoice i ON i.trans_id = ar.id JOIN parts p ON p.id = parts_id WHERE ar.ponumber = $1 AND ordnumber = 'SO-7'
				AND customer_id::text = $2 AND amount = 49.9 AND partnumber = 'KB-1' AND qty = 1 AND i.sellprice = 49.9`, fault, customer)
			wrong := b.count("SELECT count(*) FROM ar WHERE ponumber = $1 OR ordnumber = $1", fault) - right
			require.Zero(t, wrong)
			if c.done {
				require.NoError(t, err)
				require.Equal(t, 1, right)
				return
			}
			require.Error(t, err)
			if !contracts.ClassOf(err).Temporary() { // a slow machine may never get as far as the change
				require.Equal(t, contracts.Drift, contracts.ClassOf(err), "%v", err)
			}
			require.Zero(t, right)
			require.Zero(t, posts.Load(), "something was sent")
		})
	}
	b.between.Store((&crash{}).answer)
	require.NoError(t, post(program, "as it was"))
}

// sends says whether a request wants more than totals worked out.
func sends(t *testing.T, r *http.Request) bool {
	t.Helper()
	if r.Method == http.MethodGet {
		return false
	}
	var body bytes.Buffer
	_, err := body.ReadFrom(r.Body)
	if err != nil {
		return false
	}
	form, _ := url.ParseQuery(body.String())
	actions := form["action"]
	r.Body = io.NopCloser(bytes.NewReader(body.Bytes()))
	return len(actions) == 0 || !strings.EqualFold(actions[len(actions)-1], "update")
}
