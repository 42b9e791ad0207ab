package intake

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/store"
)

func TestSentTwiceIsOneCase(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	message := []string{"From: Ann Lee <ann@example.org>", "Message-ID: <one@example.org>", "Subject: Kettle", "", "The kettle is broken."}
	var wait sync.WaitGroup
	receipts := make([]Receipt, 50)
	for n := range receipts {
		wait.Go(func() { receipts[n] = s.takeMail(t, "ann@example.org", message...) })
	}
	wait.Wait()
	begun := 0
	for _, receipt := range receipts {
		require.Equal(t, receipts[0].CaseID, receipt.CaseID)
		require.Equal(t, receipts[0].Reference, receipt.Reference)
		if receipt.Outcome == Started {
			begun++
		} else {
			require.Equal(t, Duplicate, receipt.Outcome)
		}
	}
	require.Equal(t, 1, begun)
	s.sweep(t)
	require.Len(t, s.cases.started, 1)
	mails, err := s.Store.Mails(t.Context(), receipts[0].CaseID)
	require.NoError(t, err)
	require.Len(t, mails, 1)
	s.later(8 * 24 * time.Hour)
	require.Equal(t, Duplicate, s.takeMail(t, "ann@example.org", message...).Outcome)
}

func TestWhatTheUseCaseGets(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	receipt := s.take(t, "contact", Message{Channel: "web", From: Sender{Email: "ann@example.org", Name: "Ann"}, Product: "Aurora 2", Text: "It leaks."})
	input := s.input(t, receipt.EntryID)
	require.Equal(t, "web", input.Get("channel").Text())
	require.Equal(t, "ann@example.org", input.Path("from", "email").Text())
	require.Equal(t, "Aurora 2", input.Get("product").Text())
	require.True(t, s.tell().Equal(input.Get("received_at").Time()))
	require.Regexp(t, `^CW-[0-9A-HJKMNP-TV-Z]{8}$`, receipt.Reference)
}

func TestWhatTheUseCaseCannotTakeIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, err := s.Take(t.Context(), s.source(t, "open"), Message{Channel: "webhook", Fields: rules.Record(nil), ReceivedAt: s.tell()})
	require.ErrorIs(t, err, ErrMalformed)
	cases, err := s.Store.Cases(t.Context(), store.CaseFilter{})
	require.NoError(t, err)
	require.Empty(t, cases)
}

func TestTheSweeperDrivesWhatWasNotHandedOver(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.cases.fail = 3
	receipt := s.takeMail(t, "ann@example.org", "From: ann@example.org", "", "The kettle is broken.")
	// Nothing runs: this is what a kill between storing and handing over leaves.
	require.Empty(t, s.cases.started)
	for range 3 {
		require.Error(t, s.sweepOnce(t.Context(), s.tell().Add(time.Second)))
		require.Empty(t, s.cases.started)
	}
	s.sweep(t)
	require.Len(t, s.cases.started, 1)
	require.Equal(t, receipt.CaseID, s.cases.started[0].CaseID)
	s.sweep(t)
	require.Len(t, s.cases.started, 1, "handed over once")
	entry, err := s.Store.Entry(t.Context(), receipt.EntryID)
	require.NoError(t, err)
	require.Equal(t, store.EntryStarted, entry.State)
}

func TestRunHandsOverAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	receipt := s.takeMail(t, "ann@example.org", "From: ann@example.org", "", "The kettle is broken.")
	<-s.cases.called
	cancel()
	<-done
	require.Equal(t, receipt.EntryID, s.cases.started[0].ID)
}

func TestJoining(t *testing.T) {
	t.Parallel()
	first := []string{"From: Ann Lee <ann@example.org>", "Message-ID: <one@example.org>", "Subject: Kettle", "",
		"Hello,", "the kettle Aurora from order WC-10427 is leaking since Monday.", "Kind regards", "Ann Lee, 10115 Berlin, +49 30 1234567"}
	cases := []struct {
		name string
		send func(t *testing.T, s *scene, first Receipt) Receipt
		want Outcome
	}{
		{"a reply in the thread", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <two@example.org>", "In-Reply-To: <one@example.org>", "", "And another thing: nobody answers.")
		}, Joined},
		{"a reply to the acknowledgement, from another address", func(t *testing.T, s *scene, first Receipt) Receipt {
			return s.takeMail(t, "ann@work.example", "From: ann@work.example", "Message-ID: <two@work.example>", "In-Reply-To: <"+first.EntryID+"@crosswalk.invalid>", "", "I have a photo.")
		}, Joined},
		{"a mail that names the reference", func(t *testing.T, s *scene, first Receipt) Receipt {
			return s.takeMail(t, "bob@example.org", "From: bob@example.org", "Subject: Re: your case "+first.Reference, "", "I am her husband.")
		}, Joined},
		{"the same order by the form", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.take(t, "contact", Message{Channel: "web", From: Sender{Email: "Ann@Example.org"}, Product: "10427", Text: "Still nothing heard from you!"})
		}, Joined},
		{"the same words by telephone", func(t *testing.T, s *scene, _ Receipt) Receipt {
			require.NoError(t, s.Store.AddContactKeys(t.Context(), s.caseOf(t, "ann@example.org"), []string{"phone:" + NormalisePhone("+49 30 1234567")}))
			return s.take(t, "calls", Message{Channel: "phone", ID: "n1", From: Sender{Phone: "030 1234567"}, Text: "Customer says that her Aurora kettle is leaking"})
		}, Joined},
		{"another product of the same person", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <three@example.org>", "", "Hello,", "the toaster Blaze burns every slice.", "Kind regards", "Ann Lee, 10115 Berlin, +49 30 1234567")
		}, Started},
		{"another order of the same person", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <three@example.org>", "", "The kettle Aurora from order WC-10511 is leaking too.")
		}, Started},
		{"the same words of somebody else", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.takeMail(t, "eve@example.org", "From: eve@example.org", "Message-ID: <three@example.org>", "", "The kettle Aurora from order WC-10427 is leaking since Monday.")
		}, Started},
		{"a source that joins by thread only", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.take(t, "open", Message{Channel: "webhook", From: Sender{Email: "ann@example.org"}, Fields: rules.Record(map[string]rules.Value{"words": rules.Text("kettle Aurora order WC-10427 is leaking")}), Text: "kettle Aurora order WC-10427 is leaking"})
		}, Started},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			begun := s.takeMail(t, "ann@example.org", first...)
			s.later(time.Minute)
			got := c.send(t, s, begun)
			require.Equal(t, c.want, got.Outcome)
			require.Equal(t, c.want == Joined, begun.CaseID == got.CaseID)
			s.sweep(t)
			if c.want == Joined {
				require.Equal(t, []string{begun.CaseID}, s.cases.nudged)
				require.Len(t, s.cases.started, 1)
			} else {
				require.Len(t, s.cases.started, 2)
			}
		})
	}
}

func (s *scene) caseOf(t *testing.T, email string) string {
	t.Helper()
	found, err := s.Store.Cases(t.Context(), store.CaseFilter{Contact: "email:" + email})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found[0].ID
}

func TestALateMessageGetsACaseOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <one@example.org>", "", "The kettle is broken.")
	s.sweep(t)
	// It joins while the case is open for us, and the case ends before it can be told.
	second := s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <two@example.org>", "In-Reply-To: <one@example.org>", "", "Still broken.")
	require.Equal(t, Joined, second.Outcome)
	s.cases.ended[first.CaseID] = true
	s.sweep(t)
	require.Len(t, s.cases.started, 2)
	own := s.cases.started[1]
	require.Equal(t, second.EntryID, own.ID)
	require.NotEqual(t, first.CaseID, own.CaseID)
	mails, err := s.Store.Mails(t.Context(), own.CaseID)
	require.NoError(t, err)
	require.Len(t, mails, 1, "the sender is told the new reference")
	require.Contains(t, string(mails[0].Raw), own.CaseReference)
	s.sweep(t)
	require.Len(t, s.cases.started, 2)

	for _, id := range []string{first.CaseID, own.CaseID} {
		require.NoError(t, s.Store.EndCase(t.Context(), id, store.End{State: store.CaseDone, Outcome: "done", At: s.tell()}))
	}
	third := s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <three@example.org>", "In-Reply-To: <one@example.org>", "", "It is broken again.")
	require.Equal(t, Started, third.Outcome)
}

func TestJoinsWithin(t *testing.T) {
	t.Parallel()
	s := newSceneOf(t, testConfig+"  short:\n    note:\n    starts: complaint\n    with: {channel: phone, from: '${note.from}', text: '${note.text}', received_at: '${note.received_at}'}\n    joins: {within: 2 days}\n")
	say := func(id string) Receipt {
		return s.take(t, "short", Message{Channel: "phone", ID: id, From: Sender{Phone: "030 1234567"}, Text: "kettle leaking"})
	}
	require.Equal(t, Started, say("1").Outcome)
	s.later(30 * time.Hour)
	require.Equal(t, Joined, say("2").Outcome)
	s.later(30 * time.Hour)
	require.Equal(t, Joined, say("3").Outcome, "within two days of the last message, not of the first")
	s.later(60 * time.Hour)
	require.Equal(t, Started, say("4").Outcome)
}

func TestAutomaticMailStartsNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, header := range []string{"Auto-Submitted: auto-replied", "Precedence: bulk", "List-Id: <x>", "X-Autoreply: yes", "X-Crosswalk-Case: c"} {
		receipt := s.takeMail(t, "ann@example.org", "From: ann@example.org", header, "Message-ID: <"+digest(header)[:9]+"@x>", "Content-Type: text/plain", "", "I am away")
		require.Equal(t, Ignored, receipt.Outcome)
		require.NotEmpty(t, receipt.Reason)
	}
	require.Equal(t, Ignored, s.takeMail(t, "", "From: MAILER-DAEMON@example.org", "", "undeliverable").Outcome)
	require.Equal(t, Ignored, s.take(t, "contact", Message{Channel: "web", From: Sender{Email: "b@example.org"}, Text: "buy", Automatic: "the form was filled by a machine",
		Attachments: []Attachment{{Name: "x", MediaType: "image/png", Bytes: []byte("x")}}}).Outcome)
	s.sweep(t)
	require.Empty(t, s.cases.started)
	due, err := s.Store.ClaimMails(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, due)
}
