package workspace

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"crosswalk/store"
)

// Overtaken is something that others have put in force since a folder was last in step with what is in force, and that
// publishing the folder would take back.
type Overtaken struct {
	What string          `json:"what"` // "use case complaint", or the path of a file
	By   store.Published `json:"by"`   // who put in force what would be taken back
}

// OvertakenError says that a folder was not published because it would take back what others have published.
type OvertakenError struct {
	By []Overtaken
}

// Error names who published what, one to a line.
func (e *OvertakenError) Error() string {
	var b strings.Builder
	b.WriteString("the folder is older than what is in force; publishing it would take back:")
	for _, one := range e.By {
		fmt.Fprintf(&b, "\n  %s: version %d by %s on %s", one.What, one.By.Version, one.By.Who, one.By.At.UTC().Format("2006-01-02 15:04 UTC"))
		if one.By.Note != "" {
			fmt.Fprintf(&b, " (%s)", one.By.Note)
		}
	}
	return b.String()
}

// PublishFrom is Publish for a folder that may not be the only one: it is not published if that would take back what others
// have published since (*OvertakenError). folder is a name that the folder alone has among all that publish to the store.
func (w *Workspace) PublishFrom(ctx context.Context, s *store.Store, folder, by, note string) (Published, error) {
	for {
		version, err := s.Version(ctx)
		if err != nil {
			return Published{}, fmt.Errorf("workspace: publishing: %w", err)
		}
		overtaken, err := w.Overtaken(ctx, s, folder, version)
		switch {
		case err != nil:
			return Published{}, err
		case len(overtaken) > 0:
			return Published{}, &OvertakenError{By: overtaken}
		}
		published, err := w.publish(ctx, s, store.Publication{Who: by, Note: note, Checked: true, After: version, Folder: folder})
		if !errors.Is(err, store.ErrSuperseded) {
			return published, err
		}
	}
}

// Overtaken lists what publishing the folder over a version, which is in force, would take back. Where it is known with which
// version the folder was in step last, that is whatever others have changed since and the folder does not hold. Of any
// other folder (a fresh copy) it is what the folder lacks, or holds as it was in force once before.
func (w *Workspace) Overtaken(ctx context.Context, s *store.Store, folder string, version int64) ([]Overtaken, error) {
	base, err := s.FolderVersion(ctx, folder)
	if err != nil || base == version {
		return nil, err
	}
	if known, err := s.KnowsFolders(ctx); err != nil || !known { // of an older release: it may all be this folder's
		return nil, err
	}
	now, err := partsAt(ctx, s, version)
	if err != nil {
		return nil, err
	}
	before, err := partsAt(ctx, s, base) // nothing, if it is not known
	if err != nil {
		return nil, err
	}
	mine := w.State().parts()
	all := map[part]string{}
	for _, some := range []map[part]string{now, before} {
		for one := range some {
			all[one] = ""
		}
	}
	if base == 0 { // what is in force no more may come back with an old folder
		for one := range mine {
			all[one] = ""
		}
	}
	h := history{store: s, version: version, files: map[string]map[string]string{}}
	var overtaken []Overtaken
	for _, one := range sortedParts(all) {
		if mine[one] == now[one] || base > 0 && now[one] == before[one] {
			continue
		}
		past, err := h.of(ctx, one)
		if err != nil {
			return nil, err
		}
		if len(past) == 0 || base == 0 && mine[one] != "" && !past.held(mine[one]) {
			continue
		}
		overtaken = append(overtaken, Overtaken{What: one.String(), By: past[0].by})
	}
	return overtaken, nil
}
