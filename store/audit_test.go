package store

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAuditShowsTampering(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]string{
		"changed":             "UPDATE audit SET who = 'eve' WHERE seq = 2",
		"detail moved":        "UPDATE audit SET what = 'a', case_id = 'b' WHERE seq = 2",
		"removed":             "DELETE FROM audit WHERE seq = 2",
		"removed at the end":  "DELETE FROM audit WHERE seq = 4",
		"all removed":         "DELETE FROM audit",
		"swapped":             "UPDATE audit SET seq = CASE seq WHEN 2 THEN -3 ELSE 2 END WHERE seq IN (2, 3); UPDATE audit SET seq = 3 WHERE seq = -3",
		"instant changed":     "UPDATE audit SET at = at + 1 WHERE seq = 1",
		"hash changed as one": "UPDATE audit SET hash = 'x' WHERE seq = 3; UPDATE audit SET prev_hash = 'x' WHERE seq = 4",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := testStore(t)
			n, err := s.VerifyAudit(t.Context())
			require.NoError(t, err)
			require.Zero(t, n)
			for range 4 {
				_, err := s.Audit(t.Context(), AuditEntry{Who: "ann", What: "ab", Detail: json.RawMessage(`{"x":1}`)})
				require.NoError(t, err)
			}
			n, err = s.VerifyAudit(t.Context())
			require.NoError(t, err)
			require.Equal(t, int64(4), n)
			require.NoError(t, s.write(t.Context(), "tamper", func(tx session) error {
				_, err := tx.exec(t.Context(), tamper)
				return err
			}))
			_, err = s.VerifyAudit(t.Context())
			require.ErrorIs(t, err, ErrAuditBroken)
		})
	}
}

func TestAuditAtOnceIsOneChain(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	parallel(40, func(i int) {
		who := []string{"ann", "bo"}[i%2]
		_, _ = s.Audit(t.Context(), AuditEntry{Who: who, What: "paused", CaseID: map[bool]string{true: "c1"}[i == 0]})
	})
	n, err := s.VerifyAudit(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(40), n)
	for want, filter := range map[int]AuditFilter{40: {}, 20: {Who: "ann"}, 1: {CaseID: "c1"}, 5: {Limit: 5, Offset: 35}} {
		acts, err := s.AuditEntries(t.Context(), filter)
		require.NoError(t, err)
		require.Len(t, acts, want)
	}
}
