package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

func TestLoginsOfRobotsAreKeptEncrypted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() (robotLogins, func()) {
		s, err := store.Open(t.Context(), dir)
		require.NoError(t, err)
		return robotLogins{&grants{store: s, data: dir}}, func() { require.NoError(t, s.Close()) }
	}
	const cookie = "sid-f81d4fae7dec11d0a76500a0c91e6bf6"
	logins, closeStore := open()
	kept, err := logins.Login(t.Context(), "erp account")
	require.NoError(t, err)
	require.Nil(t, kept)
	require.NoError(t, logins.KeepLogin(t.Context(), "erp account", []byte("an older one")))
	require.NoError(t, logins.KeepLogin(t.Context(), "erp account", []byte(cookie)))
	closeStore()

	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		require.False(t, strings.Contains(string(text), cookie), path)
		return err
	}), "nothing on the disk shows it")

	logins, closeStore = open()
	defer closeStore()
	kept, err = logins.Login(t.Context(), "erp account")
	require.NoError(t, err)
	require.Equal(t, cookie, string(kept))
	sealed, err := logins.grants.store.Grant(t.Context(), loginName("erp account"))
	require.NoError(t, err)
	require.NoError(t, logins.grants.store.ChangeGrant(t.Context(), loginName("erp other"), 0, func(g *store.SealedGrant) {
		g.Sealed, g.Previous = sealed.Sealed, []byte{}
	}))
	_, err = logins.Login(t.Context(), "erp other")
	require.Error(t, err, "what is one account's is not taken for another's")
	require.NoError(t, logins.KeepLogin(t.Context(), "erp account", nil))
	kept, err = logins.Login(t.Context(), "erp account")
	require.NoError(t, err)
	require.Nil(t, kept)
}
