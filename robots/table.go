package robots

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// page is one page of a list as the library reads it.
type page struct {
	found
	Headings []string  `json:"headings"`
	Rows     []pageRow `json:"rows"`
	frame    frame
}

type pageRow struct {
	Index int      `json:"index"`
	Texts []string `json:"texts"`
}

// signature tells pages apart: clicking "next" must change it.
func (p page) signature() string {
	var b strings.Builder
	for _, row := range p.Rows {
		fmt.Fprintf(&b, "%q\n", row.Texts)
	}
	return b.String()
}

// maxRows bounds what one table step reads over all its pages.
const maxRows = 5000

// table reads a list over its pages, keeps the rows asked for and follows their links.
func (u *run) table(ctx context.Context, s *step) error {
	place, err := s.target.spec(u.variables)
	if err != nil {
		return u.wrong(s, err)
	}
	s, chosen := u.chosenHeadings(s)
	place.wrapped = s.table.wrapped
	wanted, err := u.wanted(s)
	if err != nil {
		return err
	}
	var rows []rules.Value
	var signatures []string
	for number := 1; ; number++ {
		var shown page
		u.acting = s.place
		err := u.timed(ctx, "table", s.place, u.system.stepTime, func(ctx context.Context) (string, error) {
			var err error
			shown, err = u.tab.readPage(ctx, place, s.table.headers, signatures, s.table.next != nil)
			if err == nil && number == 1 {
				err = u.tableSeen(ctx, shown.frame, s.place, mapped(shown.Headings, chosen.back))
			}
			return fmt.Sprintf("page %d, %d rows", number, len(shown.Rows)), err
		})
		switch {
		case err != nil && shown.Status != "found":
			return u.offerHeadings(ctx, s, place, err)
		case err != nil:
			return err
		case chosen != nil && number == 1:
			u.proposeHeadings(ctx, s, shown.frame, chosen)
		}
		signatures = append(signatures, shown.signature())
		found, err := u.rows(ctx, s, place, shown, wanted)
		if err != nil {
			return err
		}
		if rows = append(rows, found...); len(rows) > maxRows {
			return contracts.NewError(contracts.Drift, "", "%s: more than %d rows", s.place, maxRows)
		}
		more, err := u.nextPage(ctx, s, place, number)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if t := s.table; len(rows) < t.atLeast || t.atMost >= 0 && len(rows) > t.atMost {
		return u.wrongCount(s, len(rows))
	}
	u.variables[s.name] = rules.List(rows...)
	return nil
}

func (u *run) wrongCount(s *step, count int) error {
	class := contracts.Drift
	switch {
	case count == 0:
		class = contracts.NotFound
	case s.table.atMost >= 0 && count > s.table.atMost:
		class = contracts.NotUnique
	}
	return contracts.NewError(class, "", "%s: the list has %d fitting rows", s.place, count)
}

func (u *run) wanted(s *step) (map[string]rules.Value, error) {
	wanted := map[string]rules.Value{}
	for name, template := range s.table.where {
		value, err := template.Eval(u.variables)
		if err != nil {
			return nil, u.wrong(s, err)
		}
		wanted[name] = value
	}
	return wanted, nil
}

// readPage waits for the table, and for another content than that of the pages read before.
func (t *tab) readPage(ctx context.Context, place *spec, headers, before []string, paged bool) (page, error) {
	var last error
	for {
		var shown page
		f, err := t.askOnce(ctx, "table", place.frame, map[string]any{"headers": headers, "within": place.In, "wrapped": place.wrapped, "paged": paged}, &shown)
		switch {
		case err == nil && shown.Status == "found" && !slices.Contains(before, shown.signature()):
			shown.frame = f
			return shown, nil
		case err == nil && shown.Status == "found":
			last = fmt.Errorf("the next page of %s shows what was there before", place.words)
		case err == nil:
			last = fmt.Errorf("%s: %s", place.words, explain(shown.found))
		case ctx.Err() == nil && !contextLost(err):
			last = err
		}
		select {
		case <-ctx.Done():
			return page{}, notFound(ctx, t, place, last)
		case <-time.After(pollEvery):
		}
	}
}

// rows converts the cells, keeps the rows asked for and completes them with what is behind their links.
func (u *run) rows(ctx context.Context, s *step, place *spec, shown page, wanted map[string]rules.Value) ([]rules.Value, error) {
	var rows []rules.Value
	for _, line := range shown.Rows {
		fields := map[string]rules.Value{}
		for i, column := range s.table.columns {
			value, err := column.value(line.Texts[i], u.system.formats)
			if err != nil {
				return nil, contracts.NewError(contracts.Drift, "", "%s: column %q: %s", s.place, s.table.headers[i], err)
			}
			fields[column.name] = value
		}
		if !fits(fields, wanted) {
			continue
		}
		if s.table.open != nil {
			behind, err := u.follow(ctx, s, place, shown, line, fields)
			if err != nil {
				return nil, err
			}
			for _, name := range behind.Keys() {
				fields[name] = behind.Get(name)
			}
		}
		rows = append(rows, rules.Record(fields))
	}
	return rows, nil
}

func fits(fields, wanted map[string]rules.Value) bool {
	for name, value := range wanted {
		if !fields[name].Equal(value) {
			return false
		}
	}
	return true
}

// follow opens the link in a row, runs the steps on the page behind it and goes back to the list, which must
// be the same as before.
func (u *run) follow(ctx context.Context, s *step, place *spec, shown page, line pageRow, fields map[string]rules.Value) (rules.Value, error) {
	open := s.table.open
	var entry int
	u.acting = s.place + partOpen
	err := u.timed(ctx, "open", s.place, u.system.stepTime, func(ctx context.Context) (string, error) {
		var err error
		if entry, err = u.tab.historyEntry(ctx); err != nil {
			return "", err
		}
		return u.tab.openRow(ctx, place, s.table.headers, open.column, line)
	})
	if err != nil {
		return rules.Value{}, err
	}
	record, err := u.block(ctx, fields, open.do, open.names)
	if err != nil {
		return rules.Value{}, err
	}
	u.acting = s.place + partBack
	return record, u.timed(ctx, "back", s.place, u.system.stepTime, func(ctx context.Context) (string, error) {
		if err := u.back(ctx, s, entry); err != nil {
			return "", err
		}
		return "", u.tab.sameList(ctx, place, s.table.headers, shown.signature(), s.table.next != nil)
	})
}

func (u *run) back(ctx context.Context, s *step, entry int) error {
	if s.table.open.back == nil {
		if err := u.leads(ctx); err != nil {
			return err
		}
		return u.tab.backTo(ctx, entry)
	}
	link, err := s.table.open.back.spec(u.variables)
	if err != nil {
		return u.wrong(s, err)
	}
	_, err = u.tab.click(ctx, link)
	return err
}

// openRow clicks the link under a heading in a row that was read before.
func (t *tab) openRow(ctx context.Context, place *spec, headers []string, column string, line pageRow) (string, error) {
	var at found
	link := *place
	link.words = fmt.Sprintf("the link under %q", column)
	f, err := t.ask(ctx, "cell", &link, map[string]any{
		"headers": headers, "within": place.In, "wrapped": place.wrapped, "index": line.Index, "header": column, "texts": line.Texts,
	}, &at)
	if err != nil {
		return "", err
	}
	if err := t.act(ctx); err != nil {
		return at.Element, err
	}
	return at.Element, t.press(ctx, f, at)
}

// sameList waits until the list shows again what it showed before.
func (t *tab) sameList(ctx context.Context, place *spec, headers []string, signature string, paged bool) error {
	for {
		var shown page
		_, err := t.askOnce(ctx, "table", place.frame, map[string]any{"headers": headers, "within": place.In, "wrapped": place.wrapped, "paged": paged}, &shown)
		if err == nil && shown.Status == "found" && shown.signature() == signature {
			return nil
		}
		if err != nil && ctx.Err() == nil && !contextLost(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return notFound(ctx, t, place, fmt.Errorf("going back did not lead to the same list: %w", errUnchanged))
		case <-time.After(pollEvery):
		}
	}
}

func (t *tab) historyEntry(ctx context.Context) (int, error) {
	history, err := proto.PageGetNavigationHistory{}.Call(t.on(ctx, t.page))
	if err != nil {
		return 0, err
	}
	if history.CurrentIndex < 0 || history.CurrentIndex >= len(history.Entries) {
		return 0, contracts.NewError(contracts.Drift, "", "the page has no history to go back in")
	}
	return history.Entries[history.CurrentIndex].ID, nil
}

func (t *tab) backTo(ctx context.Context, entry int) error {
	t.acted.Store(true)
	if err := (proto.PageNavigateToHistoryEntry{EntryID: entry}).Call(t.on(ctx, t.page)); err != nil {
		return err
	}
	return t.settle(ctx)
}

// noFurther holds that a list without the link to its next page has nothing else that leads there: under another name, it
// would be read in part and taken for whole.
func (t *tab) noFurther(ctx context.Context, place, next *spec, headers []string) error {
	var more struct{ Element string }
	if _, err := t.askOnce(ctx, "further", place.frame, map[string]any{"headers": headers, "within": place.In}, &more); err != nil {
		if contextLost(err) || errors.Is(err, errNoFrame) {
			return nil
		}
		return err
	}
	if more.Element == "" {
		return nil
	}
	return contracts.NewError(contracts.Drift, "", "%s is not there, but %s seems to lead to further pages of the list", next.words, more.Element)
}

// nextPage goes to the next page if there is a link to it.
func (u *run) nextPage(ctx context.Context, s *step, place *spec, number int) (bool, error) {
	if s.table.next == nil {
		return false, nil
	}
	next, err := s.table.next.spec(u.variables)
	if err != nil {
		return false, u.wrong(s, err)
	}
	if next.frame == "" {
		next.frame = s.target.frame
	}
	more := false
	u.acting = s.place + partNext
	err = u.timed(ctx, "next page", s.place, u.system.stepTime, func(ctx context.Context) (string, error) {
		var err error
		if more, err = u.tab.sees(ctx, next, false); err != nil || !more {
			if err == nil && number == 1 {
				err = u.tab.noFurther(ctx, place, next, s.table.headers)
			}
			return "", err
		}
		if number >= s.table.maxPages {
			return "", contracts.NewError(contracts.Drift, "", "the list has more than %d pages", s.table.maxPages)
		}
		return u.tab.click(ctx, next)
	})
	return more, err
}
