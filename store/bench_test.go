package store

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkEffect is the ledger's cost of one local write of a case, with many cases at once.
func BenchmarkEffect(b *testing.B) {
	s, err := openTest(b)
	require.NoError(b, err)
	defer s.Close()
	var n atomic.Int64
	b.SetParallelism(25)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key := fmt.Sprint(n.Add(1))
			_, _, err := s.BeginEffect(b.Context(), Effect{Key: key, CaseID: key, State: EffectSent, RequestHash: "h", Request: []byte(`{}`)},
				[]ReadResult{{Path: "customer", Result: []byte(`{"id":"1"}`)}})
			if err == nil {
				_, err = s.ConfirmEffect(b.Context(), key, []byte(`{"id":"T1"}`), "T1")
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkReadResult is what a repeated local read costs.
func BenchmarkReadResult(b *testing.B) {
	s, err := openTest(b)
	require.NoError(b, err)
	defer s.Close()
	require.NoError(b, s.FlushReads(b.Context(), "c", []ReadResult{{Path: "p", Result: []byte(`{"id":"1"}`)}}))
	for b.Loop() {
		_, found, err := s.ReadResult(b.Context(), "c", "p")
		if err != nil || !found {
			b.Fatal(found, err)
		}
	}
}
