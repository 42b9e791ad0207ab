package worker

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
)

// What is learned of an operation's answers, and how much is looked at.
const (
	learnFrom     = 5                // answers that say what an operation answers
	sampleEvery   = time.Second      // afterwards one answer in this time is looked at
	readAgain     = 15 * time.Second // what other processes have learned
	mostFields    = 400
	deepestField  = 8
	storePatience = 5 * time.Second
)

// fieldStore keeps what is known of fields; *store.Store does.
type fieldStore interface {
	AnswerFields(ctx context.Context, system, driver, operation string) ([]store.AnswerField, error)
	AddAnswerFields(ctx context.Context, found []store.AnswerField) error
}

// drift compares answers with what the answers before them were like. It keeps paths and types of fields, never a value.
type drift struct {
	store fieldStore
	log   *slog.Logger
	now   func() time.Time
	mu    sync.Mutex // of the two maps; never held while the store is asked, for which calls would wait
	known map[string]*answers
	// unfits are the counts of what does not look as declared.
	unfits map[string]*unfitCount
}

// answers is what is known of one operation's answers.
type answers struct {
	mu     sync.Mutex // whoever looks at one holds it; other answers pass meanwhile
	count  int64      // that were learned from
	fields map[string]store.AnswerField
	read   time.Time
	looked time.Time
}

func newDrift(s fieldStore, log *slog.Logger) *drift {
	return &drift{store: s, log: log, now: time.Now, known: map[string]*answers{}, unfits: map[string]*unfitCount{}}
}

// see looks at an answer. feeds says which fields of the output a field of the answer is made into.
func (d *drift) see(system, driver, operation string, answer rules.Value, feeds func(name string) []string) {
	if d == nil || d.store == nil {
		return
	}
	a, now := d.answersOf(system+" "+driver+" "+operation), d.now()
	if !a.mu.TryLock() {
		return // another answer is being looked at
	}
	defer a.mu.Unlock()
	if a.count >= learnFrom && now.Sub(a.looked) < sampleEvery {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storePatience)
	defer cancel()
	if now.Sub(a.read) > readAgain {
		if err := d.load(ctx, a, system, driver, operation); err != nil {
			d.log.Warn("drift.not_read", "system", system, "operation", operation, "error", err)
			return
		}
		a.read = now
	}
	a.looked = now
	found := a.compare(fieldsOf(answer))
	for i := range found {
		found[i].System, found[i].Driver, found[i].Operation = system, driver, operation
		if found[i].What != store.FieldKnown && feeds != nil {
			found[i].Feeds = strings.Join(feeds(lastName(found[i].Field)), " ")
		}
	}
	if err := d.store.AddAnswerFields(ctx, found); err != nil {
		d.log.Warn("drift.not_stored", "system", system, "operation", operation, "error", err)
	}
}

func (d *drift) answersOf(key string) *answers {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known[key] == nil {
		d.known[key] = &answers{}
	}
	return d.known[key]
}

// load reads what is known, by this process and by others.
func (d *drift) load(ctx context.Context, a *answers, system, driver, operation string) error {
	rows, err := d.store.AnswerFields(ctx, system, driver, operation)
	if err != nil {
		return err
	}
	a.count, a.fields = 0, map[string]store.AnswerField{}
	for _, row := range rows {
		switch {
		case row.What != store.FieldKnown:
		case row.Field == "":
			a.count = row.Counted
		default:
			a.fields[row.Field] = row
		}
	}
	return nil
}

// compare learns from an answer, or says what is not as known.
func (a *answers) compare(seen map[string]seenField) (found []store.AnswerField) {
	learning, met := a.count < learnFrom, a.met()
	if learning {
		found = append(found, store.AnswerField{What: store.FieldKnown, Counted: 1, Always: true})
	}
	for path, field := range seen {
		before, known := a.fields[path]
		switch {
		case path == "":
		case learning:
			now := store.AnswerField{Field: path, What: store.FieldKnown, Kinds: joinKinds(before.Kinds, field.kinds), Counted: 1}
			now.Always = field.always && (known && before.Always || !known && !met[above(path)])
			a.fields[path] = now
			found = append(found, now)
		case !known:
			found = append(found, store.AnswerField{Field: path, What: store.FieldNew, Kinds: joinKinds("", field.kinds), Counted: 1})
		case before.Kinds != "" && strangers(before.Kinds, field.kinds) != "":
			found = append(found, store.AnswerField{Field: path, What: store.FieldRetyped, Kinds: strangers(before.Kinds, field.kinds) + " instead of " + before.Kinds, Counted: 1})
		}
	}
	for path, before := range a.fields {
		field, there := seen[path]
		parent, visited := seen[above(path)]
		if !visited || !parent.record || there && field.always {
			continue
		}
		if learning {
			before.Always, before.Counted = false, 0
			a.fields[path] = before
			found = append(slices.DeleteFunc(found, func(f store.AnswerField) bool { return f.Field == path }), before)
		} else if before.Always {
			found = append(found, store.AnswerField{Field: path, What: store.FieldMissing, Kinds: before.Kinds, Counted: 1})
		}
	}
	if learning {
		a.count++
	}
	return found
}

// met are the records of which fields are known.
func (a *answers) met() map[string]bool {
	places := map[string]bool{"": a.count > 0}
	for path := range a.fields {
		if parent := above(path); parent != "" {
			places[parent] = true
		}
	}
	return places
}

// seenField is a field of one answer.
type seenField struct {
	kinds  []string
	always bool // it is in every record of its place
	record bool // it is a record, or a list of some
}

var plainName = regexp.MustCompile(`^[A-Za-z_$@][A-Za-z0-9_.:$-]{0,60}$`)

// fieldsOf are the fields of an answer. Names that say something of a record (numbers, addresses) are one: they are data.
func fieldsOf(answer rules.Value) map[string]seenField {
	seen := map[string]seenField{}
	counts, records := map[string]int{}, map[string]int{}
	var walk func(path string, v rules.Value, depth int)
	walk = func(path string, v rules.Value, depth int) {
		field := seen[path]
		kind := v.Kind().String()
		if v.Kind() != rules.KindMissing && !slices.Contains(field.kinds, kind) {
			field.kinds = append(field.kinds, kind)
		}
		field.record = field.record || v.Kind() == rules.KindRecord
		if _, known := seen[path]; !known && len(seen) >= mostFields || depth > deepestField {
			return
		}
		seen[path] = field
		switch v.Kind() {
		case rules.KindRecord:
			records[path]++
			for _, key := range v.Keys() {
				inner := key
				if !plainName.MatchString(key) || digits(key) > 2 {
					inner = "*"
				}
				if path != "" {
					inner = path + "." + inner
				}
				counts[inner]++
				walk(inner, v.Get(key), depth+1)
			}
		case rules.KindList:
			for _, item := range v.Items() {
				walk(path+"[]", item, depth+1)
			}
		}
	}
	walk("", answer, 0)
	for path, field := range seen {
		field.always = counts[path] >= records[above(path)] && !strings.HasSuffix(path, "*") && !strings.HasSuffix(path, "[]")
		seen[path] = field
	}
	return seen
}

func digits(text string) (n int) {
	for _, c := range text {
		if c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}

// above is the place of the record that a field stands in: results[] of results[].email.
func above(path string) string {
	if list, ok := strings.CutSuffix(path, "[]"); ok {
		return list
	}
	return path[:max(0, strings.LastIndexByte(path, '.'))]
}

func lastName(path string) string {
	path = strings.TrimRight(path, "[]")
	return path[strings.LastIndexByte(path, '.')+1:]
}

func joinKinds(before string, kinds []string) string {
	all := slices.Clone(kinds)
	if before != "" {
		all = append(all, strings.Split(before, "|")...)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "|")
}

// strangers are the kinds that were not known before.
func strangers(before string, kinds []string) string {
	known := strings.Split(before, "|")
	return joinKinds("", slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return slices.Contains(known, kind) }))
}
