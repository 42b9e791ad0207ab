package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/robots/recording"
)

// TestALogInStaysAtItsAddress holds that the log-in of an application is not typed into a page of another address.
func TestALogInStaysAtItsAddress(t *testing.T) {
	for _, one := range []struct {
		driver, base string
		goes         bool
	}{
		{"", "https://erp.example", true}, {"", "https://ERP.example:443", true}, {"", "http://erp.example", false}, {"", "https://erp.example.evil", false},
		{"https://test.example", "https://test.example", true}, {"https://test.example", "https://erp.example", false},
	} {
		dir := t.TempDir()
		config := "crosswalk: 1\nsystems:\n  erp:\n    drivers:\n      - robot: erp\n        secrets: {password: 'env:ERP_PASSWORD'}\n"
		if one.driver != "" {
			config += "        base_url: " + one.driver + "\n"
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "crosswalk.yaml"), []byte(config), 0o600))
		t.Setenv("ERP_PASSWORD", "hers")
		i := &robotImport{dir: dir, plan: &recording.Plan{System: "erp", Base: one.base}}
		secrets := map[string]contracts.Secret{}
		err := i.logIn(&robots.System{Base: "https://erp.example", Secrets: []string{"password"}}, secrets)
		if one.goes {
			require.NoError(t, err, "%+v", one)
			require.Len(t, secrets, 1)
		} else {
			require.ErrorContains(t, err, "the recording is of "+one.base)
			require.Empty(t, secrets)
		}
	}
}
