package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// A filter that finds nothing, one that is misspelt, and a list that was cut off: all three look like "all is well" if
// nobody says so.
func TestListsAndFiltersSayWhatTheyLeaveOut(t *testing.T) {
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := `{"cases": [{"id": "a", "reference": "CW-1"}, {"id": "b", "reference": "CW-2"}], "tasks": [{"id": "t1"}, {"id": "t2"}], "repair": {"reference": "CW-1", "done": true}}`
		if r.URL.Query().Get("usecase") == "nothing" {
			text = `{"cases": []}`
		}
		_, _ = w.Write([]byte(text))
	}))
	defer desk.Close()
	t.Setenv(urlVariable, desk.URL)
	for _, test := range []struct {
		args      []string
		out, says string
		fails     string
	}{
		{[]string{"list", "--limit", "2"}, "CW-2", "the list ends after 2; there may be more (--limit, at most 1000)\n", ""},
		{[]string{"list"}, "CW-2", "", ""},
		{[]string{"retry", "--state", "parked", "--limit", "2"}, "add --yes to retry them", "the list ends after 2", ""},
		{[]string{"retry", "--state", "parked", "--limit", "2", "--yes"}, "2/2 CW-1", "the list ends after 2", ""},
		{[]string{"retry", "--use-case", "nothing"}, "no case fits; nothing was done\n", "", ""},
		{[]string{"cancel", "--use-case", "nothing", "--yes", "--reason", "x"}, "no case fits; nothing was done\n", "", ""},
		{[]string{"retry", "--use-case", "nothing", "--yes", "--json"}, `"repairs": []`, "", ""},
		{[]string{"retry", "--class", "unavailble", "--yes"}, "", "", `there is no class of errors "unavailble" (known: not_found not_unique`},
	} {
		root := rootCommand()
		var out, says bytes.Buffer
		root.SetOut(&out)
		root.SetErr(&says)
		root.SetArgs(append([]string{"cases"}, test.args...))
		err := root.ExecuteContext(t.Context())
		if test.fails != "" {
			require.ErrorContains(t, err, test.fails, "%v", test.args)
			continue
		}
		require.NoError(t, err, "%v", test.args)
		require.Contains(t, out.String(), test.out, "%v", test.args)
		if test.says == "" {
			require.Empty(t, says.String(), "%v", test.args)
		}
		require.Contains(t, says.String(), test.says, "%v", test.args)
	}
}

// What a filter chose by the step at which it waits is skipped at that step, and not at another one at which it waits too.
func TestSkippingByAFilterNamesTheStep(t *testing.T) {
	var wish wishView
	var still string
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			still = r.URL.Query().Get("step")
			if err := json.NewDecoder(r.Body).Decode(&wish); err != nil {
				w.WriteHeader(http.StatusBadRequest)
			}
		}
		_, _ = w.Write([]byte(`{"cases": [{"id": "a", "reference": "CW-1", "waiting_step": "approval"}], "repair": {"reference": "CW-1", "done": true}}`))
	}))
	defer desk.Close()
	t.Setenv(urlVariable, desk.URL)
	root := rootCommand()
	root.SetOut(&bytes.Buffer{})
	root.SetArgs([]string{"cases", "skip", "--state", "open", "--yes", "--reason", "x"})
	require.NoError(t, root.ExecuteContext(t.Context()))
	require.Equal(t, "approval", still)
	require.Equal(t, "approval", wish.Step)
}
