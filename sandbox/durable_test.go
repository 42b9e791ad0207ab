package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const childDirectory = "SANDBOX_TEST_DIRECTORY"

// TestMain lets the test binary be a sandbox of its own, which can be killed.
func TestMain(m *testing.M) {
	directory := os.Getenv(childDirectory)
	if directory == "" {
		os.Exit(m.Run())
	}
	c, err := Start(context.Background(), Options{Directory: directory, Seed: 1, Base: testDay})
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	fmt.Println(c.ControlURL(), c.Addresses()[SystemSupport].URL)
	select {} // until it is killed
}

func TestStateOutlivesAKill(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDirectory+"="+directory)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	control, support, ok := strings.Cut(strings.TrimSpace(line), " ")
	require.True(t, ok, line)

	post := func(url, body, key string) int {
		r, err := http.NewRequest("POST", url, strings.NewReader(body))
		require.NoError(t, err)
		r.SetBasicAuth(SupportLogin.User+"/token", SupportLogin.Token)
		r.Header.Set("Idempotency-Key", key)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	for i := range 5 {
		require.Equal(t, http.StatusCreated, post(support+"/api/v2/tickets.json", fmt.Sprintf(newTicket, fmt.Sprint("case-", i)), fmt.Sprint(i)))
	}
	require.Equal(t, http.StatusOK, post(control+"/control/stock", `{"sku":"AU-2041","depot":"HAM","on_hand":3}`, ""))
	require.Equal(t, http.StatusOK, post(control+"/control/orders/stop", ``, ""))
	require.NoError(t, child.Process.Kill())
	require.ErrorContains(t, child.Wait(), "killed")

	c, err := Start(t.Context(), Options{Directory: directory})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Stop()) }()
	require.Equal(t, support, c.Addresses()[SystemSupport].URL)
	require.False(t, c.Status().Systems[SystemOrders].Up)
	n, err := c.Counters(t.Context())
	require.NoError(t, err)
	require.Equal(t, 5, n.Total)
	require.Equal(t, "hit", c.ticket(t, "case-0", "Idempotency-Key", "0").header.Get("X-Idempotency-Lookup"))
	var onHand int
	require.NoError(t, c.database(t).QueryRowContext(t.Context(), `SELECT on_hand FROM stock WHERE sku = $1 AND depot = $2`, "AU-2041", "HAM").Scan(&onHand))
	require.Equal(t, 3, onHand)
}
