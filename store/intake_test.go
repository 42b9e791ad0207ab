package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func mail(dedupe string, contacts ...string) Incoming {
	return Incoming{
		Entry: Entry{Source: "complaints", Channel: "email", DedupeKey: dedupe, UseCase: "customer-complaint", Language: "de",
			Parsed: json.RawMessage(`{"text":"` + dedupe + `"}`), ThreadKeys: []string{"mail:" + dedupe}, ContactKeys: contacts,
			ReceivedAt: time.Date(2026, 2, 28, 10, 0, 0, 0, time.UTC)},
		Raw: []byte("Subject: x\r\n\r\n\x00\xff"),
	}
}

func TestStoreEntryMakesACase(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	incoming := mail("m1", "anna@example.com")
	incoming.Title = "Complaint about Ünlü"
	incoming.Attachments = []Attachment{{Name: "a.jpg", MediaType: "image/jpeg", Body: []byte{1, 2, 0}}, {Name: "empty", MediaType: "text/plain"}}
	stored, err := s.StoreEntry(t.Context(), incoming)
	require.NoError(t, err)
	entry := stored.Entry
	require.False(t, stored.Duplicate)
	require.False(t, stored.Joined)
	require.Equal(t, KindNew, entry.Kind)
	require.Equal(t, EntryStored, entry.State)
	require.Regexp(t, `^customer-complaint-[0-9a-z]{26}$`, entry.CaseID)
	require.Regexp(t, `^CW-[0-9A-HJKMNP-TV-Z]{8}$`, entry.CaseReference)

	found, err := s.Entry(t.Context(), entry.ID)
	require.NoError(t, err)
	require.Equal(t, entry, found)
	raw, err := s.EntryRaw(t.Context(), entry.ID)
	require.NoError(t, err)
	require.Equal(t, incoming.Raw, raw)
	blob, err := s.Blob(t.Context(), entry.CaseID, entry.Attachments[0].BlobID)
	require.NoError(t, err)
	require.Equal(t, []byte{1, 2, 0}, blob.Body)

	made, err := s.Case(t.Context(), entry.CaseID)
	require.NoError(t, err)
	require.Equal(t, CaseOpen, made.State)
	require.Equal(t, "Complaint about Ünlü", made.Title)
	byReference, err := s.CaseByReference(t.Context(), " "+strings.ToLower(entry.CaseReference))
	require.NoError(t, err)
	require.Equal(t, made, byReference)
}

func TestStoreEntryJoins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		before []Incoming
		next   func(Incoming) Incoming
		joins  int // index into before, -1 for a new case
		state  EntryState
	}{
		{name: "by its thread", before: []Incoming{mail("a"), mail("b")}, joins: 0, state: EntryStored,
			next: func(in Incoming) Incoming { in.ThreadKeys = append(in.ThreadKeys, "mail:a"); return in }},
		{name: "by its contact", before: []Incoming{mail("a", "anna@example.com"), mail("b", "bo@example.com")}, joins: 1, state: EntryStored,
			next: func(in Incoming) Incoming { in.ContactKeys = []string{"+49170", "bo@example.com"}; return in }},
		{name: "the thread goes before the contact", before: []Incoming{mail("a"), mail("b", "bo@example.com")}, joins: 0, state: EntryStored,
			next: func(in Incoming) Incoming {
				in.ThreadKeys, in.ContactKeys = []string{"mail:a"}, []string{"bo@example.com"}
				return in
			}},
		{name: "not if the contact has two", joins: -1, state: EntryStored,
			before: []Incoming{mail("a", "bo@example.com"), asNew(mail("b", "bo@example.com"))},
			next:   func(in Incoming) Incoming { in.ContactKeys = []string{"bo@example.com"}; return in }},
		{name: "as the caller chooses", before: []Incoming{mail("a", "bo@example.com"), asNew(mail("b", "bo@example.com"))}, joins: 0, state: EntryStored,
			next: func(in Incoming) Incoming {
				in.ContactKeys = []string{"bo@example.com"}
				in.Join = func(open []Candidate) string {
					for _, c := range open {
						if string(c.Parsed) == `{"text":"a"}` && !c.Thread {
							return c.Case.ID
						}
					}
					return ""
				}
				return in
			}},
		{name: "no case of another use case", before: []Incoming{mail("a", "bo@example.com")}, joins: -1, state: EntryStored,
			next: func(in Incoming) Incoming {
				in.ContactKeys, in.UseCase = []string{"bo@example.com"}, "lead"
				return in
			}},
		{name: "ignored, but kept with its case", before: []Incoming{mail("a")}, joins: 0, state: EntryIgnored,
			next: func(in Incoming) Incoming {
				in.ThreadKeys, in.Ignore = []string{"mail:a"}, "automatic reply"
				return in
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, _ := testStore(t)
			var cases []string
			for _, in := range test.before {
				stored, err := s.StoreEntry(t.Context(), in)
				require.NoError(t, err)
				cases = append(cases, stored.Entry.CaseID)
			}
			stored, err := s.StoreEntry(t.Context(), test.next(mail("next")))
			require.NoError(t, err)
			require.Equal(t, test.state, stored.Entry.State)
			require.Equal(t, test.joins >= 0, stored.Joined)
			if test.joins < 0 {
				require.NotContains(t, cases, stored.Entry.CaseID)
				return
			}
			require.Equal(t, cases[test.joins], stored.Entry.CaseID)
			messages, err := s.Messages(t.Context(), stored.Entry.CaseID)
			require.NoError(t, err)
			require.Len(t, messages, 2)
		})
	}
}

func asNew(in Incoming) Incoming {
	in.Join = func([]Candidate) string { return "" }
	return in
}

func TestAnEndedCaseIsNotJoined(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	first, err := s.StoreEntry(t.Context(), mail("a", "bo@example.com"))
	require.NoError(t, err)
	require.NoError(t, s.EndCase(t.Context(), first.Entry.CaseID, End{State: CaseDone}))
	second, err := s.StoreEntry(t.Context(), mail("b", "bo@example.com"))
	require.NoError(t, err)
	require.NotEqual(t, first.Entry.CaseID, second.Entry.CaseID)

	// What was seen is found again with its case, however long that has ended.
	again, err := s.StoreEntry(t.Context(), mail("a", "bo@example.com"))
	require.NoError(t, err)
	require.True(t, again.Duplicate)
	require.Equal(t, first.Entry.CaseID, again.Entry.CaseID)
}

func TestWhatJoinsNothingIsIgnored(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	incoming := mail("a")
	incoming.OnlyJoin, incoming.Kind = true, "delete"
	stored, err := s.StoreEntry(t.Context(), incoming)
	require.NoError(t, err)
	require.Equal(t, EntryIgnored, stored.Entry.State)
	require.Equal(t, "delete", stored.Entry.Kind)
	require.Empty(t, stored.Entry.CaseID)
	require.ErrorIs(t, s.MarkStarted(t.Context(), stored.Entry.ID), ErrNotFound)
}

func TestTheSameMessageAtOnceIsOneCase(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	const n = 50
	results, errs := make([]Stored, n), make([]error, n)
	parallel(n, func(i int) { results[i], errs[i] = s.StoreEntry(t.Context(), mail("same")) })
	fresh := 0
	for i := range n {
		require.NoError(t, errs[i])
		require.Equal(t, results[0].Entry, results[i].Entry)
		if !results[i].Duplicate {
			fresh++
		}
	}
	require.Equal(t, 1, fresh)
	count, err := s.CountCases(t.Context(), CaseFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, count)
}

func TestMessagesOfOneContactAtOnceAreOneCase(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	var mu sync.Mutex
	cases := map[string]int{}
	parallel(20, func(i int) {
		stored, err := s.StoreEntry(t.Context(), mail(fmt.Sprint(i), "bo@example.com"))
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			cases[stored.Entry.CaseID]++
		}
	})
	require.Len(t, cases, 1)
	for _, n := range cases {
		require.Equal(t, 20, n)
	}
}

func TestPendingEntries(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	var ids []string
	for _, key := range []string{"a", "b", "c", "d"} {
		stored, err := s.StoreEntry(t.Context(), mail(key))
		require.NoError(t, err)
		ids = append(ids, stored.Entry.ID)
	}
	before := c.Now()
	c.Advance(time.Minute)
	_, err := s.StoreEntry(t.Context(), mail("late"))
	require.NoError(t, err)
	require.NoError(t, s.MarkStarted(t.Context(), ids[1]))
	require.NoError(t, s.MarkJoined(t.Context(), ids[2]))
	require.NoError(t, s.MarkFailed(t.Context(), ids[3], "no such use case"))
	pending, err := s.PendingEntries(t.Context(), before, 10)
	require.NoError(t, err)
	require.Len(t, pending, 1)
	require.Equal(t, ids[0], pending[0].ID)
	require.Equal(t, []string{"mail:a"}, pending[0].ThreadKeys)
	require.ErrorIs(t, s.MarkStarted(t.Context(), "nothing"), ErrNotFound)
}

func TestSplitEntry(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	first, err := s.StoreEntry(t.Context(), mail("a", "bo@example.com"))
	require.NoError(t, err)
	reply := mail("b", "bo@example.com")
	reply.Attachments = []Attachment{{Name: "x.png", MediaType: "image/png", Body: []byte("png")}}
	second, err := s.StoreEntry(t.Context(), reply)
	require.NoError(t, err)
	require.Equal(t, first.Entry.CaseID, second.Entry.CaseID)
	require.NoError(t, s.EndCase(t.Context(), first.Entry.CaseID, End{State: CaseDone}))

	var split Entry
	for range 2 { // the second time it has its own case already
		split, err = s.SplitEntry(t.Context(), second.Entry.ID)
		require.NoError(t, err)
	}
	require.NotEqual(t, first.Entry.CaseID, split.CaseID)
	require.Equal(t, KindNew, split.Kind)
	_, err = s.Blob(t.Context(), split.CaseID, split.Attachments[0].BlobID)
	require.NoError(t, err)
	stored, err := s.Entry(t.Context(), split.ID)
	require.NoError(t, err)
	require.Equal(t, split, stored)
	count, err := s.CountCases(t.Context(), CaseFilter{})
	require.NoError(t, err)
	require.Equal(t, 2, count)

	require.NoError(t, s.MarkStarted(t.Context(), first.Entry.ID))
	kept, err := s.SplitEntry(t.Context(), first.Entry.ID)
	require.NoError(t, err)
	require.Equal(t, first.Entry.CaseID, kept.CaseID)
}

func TestTheCaseGetsTheBundleInForce(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	before, err := s.StoreEntry(t.Context(), mail("before"))
	require.NoError(t, err)
	require.NoError(t, s.PutBundle(t.Context(), "h1", "customer-complaint", []byte("one")))
	_, err = s.PutInForce(t.Context(), "customer-complaint", "h1", "ann", "")
	require.NoError(t, err)
	after, err := s.StoreEntry(t.Context(), mail("after"))
	require.NoError(t, err)

	early, err := s.Case(t.Context(), before.Entry.CaseID)
	require.NoError(t, err)
	require.Empty(t, early.BundleHash)
	for _, hash := range []string{"h1", "h2"} { // the first stays
		early, err = s.SetBundle(t.Context(), early.ID, hash)
		require.NoError(t, err)
		require.Equal(t, "h1", early.BundleHash)
	}
	late, err := s.Case(t.Context(), after.Entry.CaseID)
	require.NoError(t, err)
	require.Equal(t, "h1", late.BundleHash)
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	seen, err := s.WebhookSeen(t.Context(), "support", "w1")
	require.NoError(t, err)
	require.False(t, seen)
	firsts := make([]bool, 20)
	parallel(20, func(i int) { firsts[i], _ = s.RememberWebhook(t.Context(), "support", "w1") })
	count := 0
	for _, first := range firsts {
		if first {
			count++
		}
	}
	require.Equal(t, 1, count)
	for _, step := range []struct {
		after time.Duration
		seen  bool
	}{{29 * 24 * time.Hour, true}, {2 * 24 * time.Hour, false}} {
		c.Advance(step.after)
		_, err = s.ForgetWebhooks(t.Context())
		require.NoError(t, err)
		seen, err = s.WebhookSeen(t.Context(), "support", "w1")
		require.NoError(t, err)
		require.Equal(t, step.seen, seen)
	}
}

// What strangers send may be as long as they like: PostgreSQL's indexes take 2,704 bytes. Refused, it would come again and again.
func TestHostileKeysAreStored(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	long := func(seed byte) string {
		random := rand.NewChaCha8([32]byte{seed})
		raw := make([]byte, 5000)
		_, _ = random.Read(raw)
		return hex.EncodeToString(raw) // what cannot be compressed
	}
	first := mail("m1", "email:"+long(1)+"@example.com")
	first.ThreadKeys = []string{"email:" + long(2)}
	made, err := s.StoreEntry(t.Context(), first)
	require.NoError(t, err)
	for name, change := range map[string]func(*Incoming){
		"thread":  func(i *Incoming) { i.ThreadKeys = first.ThreadKeys },
		"contact": func(i *Incoming) { i.ContactKeys = first.ContactKeys },
	} {
		next := mail("m2"+name, "bob@example.com")
		change(&next)
		next.Join = func(open []Candidate) string { return open[0].Case.ID }
		stored, err := s.StoreEntry(t.Context(), next)
		require.NoError(t, err)
		require.Equal(t, made.Entry.CaseID, stored.Entry.CaseID, name)
	}
	event := Occurrence{Name: "paid", Source: "shop", DedupeKey: "1", Key: " " + long(3) + "\n", Payload: json.RawMessage(`{}`)}
	_, _, err = s.PutEvent(t.Context(), event)
	require.NoError(t, err)
	event.Key, event.DedupeKey = long(4), "2"
	_, _, err = s.PutEvent(t.Context(), event)
	require.NoError(t, err)
	wait := EventWait{CaseID: made.Entry.CaseID, Path: "p", Generation: 1, Execution: "e", Name: "paid", Key: long(3)}
	taken, err := s.TakeEvent(t.Context(), wait, false)
	require.NoError(t, err)
	require.Equal(t, "1", taken.DedupeKey)
	wait.Path = "q"
	_, err = s.TakeEvent(t.Context(), wait, false)
	require.ErrorIs(t, err, ErrNotFound)
	found, err := s.Events(t.Context(), EventFilter{Key: long(3)})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, 1, found[0].Waiting)

	for _, want := range []bool{true, false} {
		first, err := s.RememberWebhook(t.Context(), "shop", long(5))
		require.NoError(t, err)
		require.Equal(t, want, first)
	}
	seen, err := s.WebhookSeen(t.Context(), "shop", long(5))
	require.NoError(t, err)
	require.True(t, seen)
}
