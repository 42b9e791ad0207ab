package store

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRobotMemory(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	of := RobotVersion{Robot: "orders", Base: "http://erp", Hash: "h1"}
	for i := range 7 {
		require.NoError(t, s.LearnRobot(ctx, of, []SeenPlace{{Place: "orders.yaml:3", Print: json.RawMessage(fmt.Sprintf(`{"tag":"a%d"}`, i)), Page: fmt.Sprintf("<p>%d</p>", i)}}))
	}
	prints, err := s.RobotPrints(ctx, of)
	require.NoError(t, err)
	require.Len(t, prints, 1)
	require.EqualValues(t, 7, prints[0].Times)
	require.JSONEq(t, `{"tag":"a6"}`, string(prints[0].Print))
	require.False(t, prints[0].PageAt.IsZero())
	pages, err := s.RobotPages(ctx, of, "orders.yaml:3")
	require.NoError(t, err)
	require.Len(t, pages, pagesOfPlace)
	other, err := s.RobotPrints(ctx, RobotVersion{Robot: "orders", Base: "http://erp", Hash: "h2"})
	require.NoError(t, err)
	require.Empty(t, other)

	change := RobotChange{RobotVersion: of, Kind: "page", Place: "orders.yaml:3", Words: "its name is new", Page: "<p></p>", CaseID: "c1"}
	require.NoError(t, s.ProposeRobotChange(ctx, change))
	require.NoError(t, s.ProposeRobotChange(ctx, change))
	changes, err := s.RobotChanges(ctx, false)
	require.NoError(t, err)
	require.Len(t, changes, 1)
	require.EqualValues(t, 2, changes[0].Counted)
	decided, err := s.DecideRobotChange(ctx, changes[0].ID, ChangeAccepted, "ada", "")
	require.NoError(t, err)
	require.Equal(t, ChangeAccepted, decided.State)
	again, err := s.DecideRobotChange(ctx, changes[0].ID, ChangeRejected, "bob", "")
	require.NoError(t, err)
	require.Equal(t, "ada", again.DecidedBy, "the first one counts")
	prints, err = s.RobotPrints(ctx, of)
	require.NoError(t, err)
	require.Empty(t, prints, "the next run learns it anew")
	changes, err = s.RobotChanges(ctx, false)
	require.NoError(t, err)
	require.Empty(t, changes)
	_, err = s.DecideRobotChange(ctx, "none", ChangeRejected, "bob", "")
	require.ErrorIs(t, err, ErrNotFound)

	canary := RobotCanary{System: "erp", Operation: "get_order", Robot: "orders", At: time.Unix(1000, 0).UTC(), Took: time.Second, Class: "drift", Message: "m", Warnings: []string{"w"}}
	until := s.now().Add(time.Hour)
	for _, report := range []string{"first", "second"} {
		require.NoError(t, s.PutRobotCanary(ctx, canary, []byte(report), until))
	}
	passing := RobotCanary{System: "erp", Operation: "list_orders", Robot: "orders", At: time.Unix(1000, 0).UTC()}
	require.NoError(t, s.PutRobotCanary(ctx, passing, nil, until))
	canary.Class = ""
	require.NoError(t, s.PutRobotCanary(ctx, canary, nil, until))
	canaries, err := s.RobotCanaries(ctx)
	require.NoError(t, err)
	require.Len(t, canaries, 2)
	report, err := s.RobotCanaryReport(ctx, "erp", "get_order", canaries[0].Report)
	require.NoError(t, err)
	require.Equal(t, "second", string(report), "that of the last failure, while the robot works again")
	canary.Report, passing.Warnings = canaries[0].Report, canaries[1].Warnings
	require.Equal(t, []RobotCanary{canary, passing}, canaries)
	// Two at the same moment leave two reports on PostgreSQL, where neither sees the other's.
	require.NoError(t, s.write(ctx, "a second report", func(tx session) error {
		_, err := s.insertBlob(ctx, tx, canaryFiles+"erp get_order", "text/html", []byte("third"), until, "keep_until = excluded.keep_until")
		return err
	}))
	canaries, err = s.RobotCanaries(ctx)
	require.NoError(t, err)
	require.Len(t, canaries, 2)
	canary.Class, canary.Report = "unavailable", ""
	require.NoError(t, s.PutRobotCanary(ctx, canary, nil, until))
	canaries, err = s.RobotCanaries(ctx)
	require.NoError(t, err)
	require.Empty(t, canaries[0].Report, "that of another run is not shown as its own")
	require.NoError(t, s.PutRobotCanary(ctx, canary, []byte("fourth"), until))
	_, err = s.DropKept(ctx, until.Add(time.Second))
	require.NoError(t, err)
	canaries, err = s.RobotCanaries(ctx)
	require.NoError(t, err)
	require.Empty(t, canaries[0].Report)

	open := RobotChange{RobotVersion: of, Kind: "page", Place: "orders.yaml:4", Words: "nobody decides"}
	require.NoError(t, s.ProposeRobotChange(ctx, open))
	require.NoError(t, s.ForgetRobots(ctx, time.Unix(1, 0)))
	changes, err = s.RobotChanges(ctx, true)
	require.NoError(t, err)
	require.Len(t, changes, 2)
	require.NoError(t, s.ForgetRobots(ctx, s.now().Add(time.Hour)))
	changes, err = s.RobotChanges(ctx, true)
	require.NoError(t, err)
	require.Empty(t, changes, "also what nobody has decided goes")
	pages, err = s.RobotPages(ctx, of, "orders.yaml:3")
	require.NoError(t, err)
	require.Empty(t, pages)
}
