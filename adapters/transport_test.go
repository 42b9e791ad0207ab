package adapters

import "testing"

// The file says how long one attempt may take, up to two minutes: nothing beneath it gives up before.
func TestNothingIsShorterThanTheTimeOfAnAttempt(t *testing.T) {
	t.Parallel()
	if limit := newTransport(&egress{}, nil).ResponseHeaderTimeout; limit != 0 {
		t.Errorf("an answer that takes longer than %s to begin is given up, whatever the file says", limit)
	}
}
