package robots

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// beside is the booking page with what the robot does not fill in: fixed fields, defaults, and what is another one on each page.
func beside(turn int) string {
	return strings.NewReplacer(
		"<table>", fmt.Sprintf(`<input type="hidden" name="kind" value="7"><input type="hidden" name="token" value="8f14e45fceea167a5a36dedd4bea%04d"><input type="hidden" name="stamp" value="17954242%05d">
			<input type="hidden" name="empty" value=""><input type="hidden" name="number" value="%d"><input type="hidden" name="today" value="%s"><table>`, turn*7919, turn*13, 1000+turn, time.Date(2026, 3, 1+turn, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)),
		"</table>", `<tr><td>Steuer</td><td><select name="steuer"><option value="19" selected>voll</option><option value="0">keine</option></select></td></tr>
			<tr><td>Bestätigung</td><td><input type="checkbox" name="mail" value="y" checked></td></tr><tr><td>Währung</td><td><input name="waehrung" value="EUR"></td></tr>
			<tr><td>Lieferung</td><td><input name="lieferung" placeholder="TT.MM.JJJJ" inputmode="numeric"></td></tr></table>`).Replace(bookingPage)
}

// bookingPrograms are the booking robot, which also fills in a date, as it is and in a hurry.
func bookingPrograms(t *testing.T) (program, brief *Program) {
	t.Helper()
	contract, problems := contracts.Parse("shop.yaml", []byte(strings.Replace(bookingContract, "price: {type: number", "price: {type: string", 1)))
	require.NoError(t, problems.Err())
	compiled := func(text string) *Program {
		system, problems := ParseSystem("test.system.yaml", []byte(text))
		require.NoError(t, problems.Err())
		robot, problems := Parse("order.yaml", []byte(strings.NewReplacer("commit:", "  - fill: {into: {label: Lieferung}, value: '05.04.2026'}\ncommit:", ", form: {ref: '${key}', customer: '${input.customer}'}", "", "value: Nord", "value: '${input.note}'").Replace(bookingRobot)))
		require.NoError(t, problems.Err())
		program, problems := Compile(robot, system, contract.Operation("order"))
		require.NoError(t, problems.Err())
		return program
	}
	return compiled(bookingSystem), compiled(strings.Replace(bookingSystem, "step: 30s", "step: 3s", 1))
}

func besideCall(w *warehouse, quantity int64, customer, store string) Call {
	call := bookingCall(w, quantity)
	call.Input = rules.Record(map[string]rules.Value{"customer": rules.Text(customer), "article": rules.Text("A-7"),
		"quantity": rules.Number(rules.Int(quantity)), "price": rules.Text("12,5"), "note": rules.Text(store)})
	return call
}

// TestWhatACommitCarriesBeside holds that a commit is stopped that carries something else than ever before in what the robot
// does not fill in, without its effect declaring a form, and that what is another one each time stops nothing.
func TestWhatACommitCarriesBeside(t *testing.T) {
	t.Parallel()
	program, brief := bookingPrograms(t)
	m := newMemory()
	learn := serveWarehouse(t)
	knowing := NewRunner(pool, nil)
	knowing.Remember(m)
	for turn, quantity := range []int64{3, 4, 5, 6} {
		customer := fmt.Sprintf("C-%d", turn+1)
		learn.show(strings.ReplaceAll(beside(turn), "C-1", customer))
		result, err := knowing.Run(t.Context(), program, besideCall(learn, quantity, customer, "Nord"))
		require.NoError(t, err)
		require.Empty(t, result.Warnings)
		require.Len(t, learn.books(), 1)
	}
	stored, err := json.Marshal(m.prints)
	require.NoError(t, err)
	for _, value := range []string{"EUR", "Nord", "8f14e45f"} {
		require.NotContains(t, string(stored), value, "values are kept as digests")
	}
	runs := make(chan struct{}, 3)
	for name, c := range map[string]struct {
		change func(string) string
		store  string // that is chosen, Nord if empty
		says   string // empty: it is booked
	}{
		"as it was":                             {change: func(page string) string { return page }},
		"another page of the day":               {change: func(string) string { return beside(40) }},
		"an empty field more":                   {change: replaced("<table>", `<input type="hidden" name="more" value=""><table>`)},
		"a token more":                          {change: replaced("<table>", `<input type="hidden" name="csrf" value="c4ca4238a0b923820dcc509a6f75849b"><table>`)},
		"a choice that was never made":          {change: func(page string) string { return page }, store: "Süd"},
		"a fixed hidden field is another one":   {change: replaced(`value="book"`, `value="cancel"`), says: `its field "op", which the robot does not fill in, holds another value than ever before ("cancel")`},
		"a fixed number is another one":         {change: replaced(`name="kind" value="7"`, `name="kind" value="8"`), says: `its field "kind"`},
		"a fixed hidden field is gone":          {change: replaced(`<input type="hidden" name="op" value="book">`, ""), says: `its field "op", which always held the same, is not there`},
		"a fixed hidden field more":             {change: replaced("<table>", `<input type="hidden" name="draft" value="1"><table>`), says: `a field that it never held, "draft" ("1")`},
		"another default of a list":             {change: swapped(`value="19" selected`, `value="0" selected`), says: `its field "steuer"`},
		"another option is the default":         {change: strings.NewReplacer(`value="19" selected`, `value="19"`, `value="0"`, `value="0" selected`).Replace, says: `its field "steuer"`},
		"another default of a field":            {change: replaced(`value="EUR"`, `value="USD"`), says: `its field "waehrung"`},
		"a box is not ticked any more":          {change: replaced(" checked", ""), says: `its field "mail", which always held the same, is not there`},
		"another customer than was asked for":   {change: replaced(`name="customer" value="C-1"`, `name="customer" value="C-9"`), says: `its field "customer" always held what the robot was given`},
		"another value behind the option":       {change: replaced(`value="n"`, `value="s2"`), says: `its field "lager" sends another value for what was chosen, "Nord"`},
		"the text of another option":            {change: swapped(">Süd<", ">Nord<"), says: `its field "lager" sends`},
		"the value of another option":           {change: swapped(">Süd<", ">Nord<"), store: "Süd", says: `its field "lager" sends for what was chosen, "Süd", what it sent for another choice before`},
		"a date is typed in another order":      {change: replaced("TT.MM.JJJJ", "MM/TT/JJJJ"), says: `the order of the parts of a date is "mdy" instead of "dmy"`},
		"a field takes something else":          {change: replaced(`inputmode="numeric"`, `inputmode="numeric" pattern="[0-9]*"`), says: "its pattern, its input mode or the unit in its placeholder is another one"},
		"a script changes it when it is sent":   {change: script(`form.onsubmit = () => put('op', 'cancel')`), says: `its field "op"`},
		"a script adds something when it sends": {change: script(`form.onsubmit = () => form.insertAdjacentHTML('beforeend', '<input type=hidden name=void value=yes>')`), says: `"void" ("yes")`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs <- struct{}{}
			defer func() { <-runs }()
			w := serveWarehouse(t)
			page := c.change(beside(9))
			w.show(page)
			runner, used, store := NewRunner(pool, nil), brief, either(c.store, "Nord")
			if c.says == "" {
				used = program
			}
			proposed := &proposals{memory: m}
			runner.Remember(proposed)
			_, err := runner.Run(t.Context(), used.as(program), besideCall(w, 3, "C-1", store))
			if c.says == "" {
				require.NoError(t, err)
				require.Len(t, w.books(), 1)
				require.Empty(t, proposed.changes)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "accept it with crosswalk robots changes")
			require.Equal(t, contracts.Drift, contracts.ClassOf(err))
			require.Empty(t, w.books())
			require.Len(t, proposed.changes, 1)
			require.Contains(t, proposed.changes[0].Words, c.says)
		})
	}
}

// as is the program with the hash of another one, so that it finds what is known of that.
func (p *Program) as(other *Program) *Program {
	one := *p
	one.Hash = other.Hash
	return &one
}

// proposals is a memory of its own for what is proposed, to which nothing else is added.
type proposals struct {
	*memory
	changes []Change
}

func (*proposals) Learn(context.Context, Version, []Seen) error { return nil }
func (p *proposals) Propose(_ context.Context, change Change) error {
	p.changes = append(p.changes, change)
	return nil
}

// sentWith is a request with these fields; a name that begins with ! is one that a person sees.
func sentWith(given []string, text string) *Sent {
	s := &sending{data: given, seen: map[string]bool{}, secret: func(string) bool { return false }, formats: formats{}}
	form := map[string][]string{}
	for _, pair := range strings.Fields(text) {
		name, value, _ := strings.Cut(pair, "=")
		if name, seen := strings.CutPrefix(name, "!"); seen {
			s.seen[name] = true
			form[name] = []string{value}
			continue
		}
		form[name] = []string{value}
	}
	return s.carries(request{form: form}, nil, nil)
}

// TestWhatIsCertainOfARequest holds when what a commit carries is held to what earlier ones carried.
func TestWhatIsCertainOfARequest(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	customers := []string{"!name=Ada !country=DE id=A1 op=save status=2", "!name=Ben !country=DE id=B2 op=save status=2", "!name=Cem !country=DE id=C3 op=save status=2"}
	for what, test := range map[string]struct {
		before    []string
		hours     int
		same      bool   // every run was given the same
		customers string // that the runs and the next one were given
		lines     string // how many lines each of them was given
		put       string // the fields that the next one fills in
		given     string
		now       string
		says      string
	}{
		"one run says nothing":                               {before: []string{"op=save"}, now: "op=cancel"},
		"nor do two of one input on one day":                 {before: []string{"op=save", "op=save"}, same: true, now: "op=cancel"},
		"three of one input on three days do":                {before: []string{"op=save", "op=save", "op=save"}, same: true, hours: 24, now: "op=cancel", says: `"op"`},
		"three inputs do":                                    {before: []string{"op=save", "op=save", "op=save"}, now: "op=cancel", says: `"op"`},
		"three of one customer say nothing of others":        {before: []string{"cur=EUR", "cur=EUR", "cur=EUR"}, customers: "a a a b", now: "cur=USD"},
		"but of that one":                                    {before: []string{"cur=EUR", "cur=EUR", "cur=EUR"}, customers: "a a a a", now: "cur=USD", says: `"cur"`},
		"three customers say something of a fourth":          {before: []string{"cur=EUR", "cur=EUR", "cur=EUR"}, customers: "a b c d", now: "cur=USD", says: `"cur"`},
		"a new field holds what was given by chance":         {before: []string{"op=x", "op=x", "op=x"}, given: "1", now: "op=x draft=1", says: `"draft" ("1")`},
		"what was given stands in it":                        {before: []string{"c=Ada--101", "c=Ben--102", "c=Cem--103"}, given: "101 102 103 104", now: "c=Dora--104"},
		"and something else does":                            {before: []string{"c=Ada--101", "c=Ben--102", "c=Cem--103"}, given: "101 102 103 104", now: "c=Dora--1041", says: "always held what the robot was given"},
		"what differed is no matter":                         {before: []string{"number=7", "number=8", "number=9"}, now: "number=11"},
		"nor is what was there at times":                     {before: []string{"note=x", "", ""}, now: "note=y"},
		"nor what came and stays":                            {before: []string{"op=x", "op=x note=x", "op=x note=x"}, now: "op=x"},
		"nor a field of a further line":                      {before: []string{"op=x line_1=a", "op=x line_1=b", "op=x line_1=b"}, now: "op=x line_1=c line_2=d"},
		"how many lines there are may be another number":     {before: []string{"rows=2", "rows=2", "rows=2"}, lines: "1 1 1 2", now: "rows=3"},
		"if their number is another one":                     {before: []string{"rows=2", "rows=2", "rows=2"}, lines: "1 1 1 1", now: "rows=3", says: `"rows"`},
		"and nothing else may":                               {before: []string{"op=save", "op=save", "op=save"}, lines: "1 1 1 2", now: "op=delete", says: `"op"`},
		"a line that is filled in for the first time is new": {before: []string{"art_2= old_2=0", "art_2= old_2=0", "art_2= old_2=0"}, put: "art_2", now: "old_2=1"},
		"and not one that is not":                            {before: []string{"art_2= old_2=0", "art_2= old_2=0", "art_2= old_2=0"}, put: "art_3", now: "art_2= old_2=1", says: `"old_2"`},
		"nor a token that stays for a session":               {before: []string{"t=8f14e45fceea167a5a36", "t=8f14e45fceea167a5a36", "t=8f14e45fceea167a5a36"}, now: "t=c9f0f895fb98ab9159f5"},
		"nor the day of today":                               {before: []string{"d=2026-03-02 day=2 birthMonth=3", "d=2026-03-02 day=2 birthMonth=3", "d=2026-03-02 day=2 birthMonth=3"}, now: "d=2026-03-03 day=3 birthMonth=4"},
		"but the order of its parts is":                      {before: []string{"d=25.03.2026", "d=26.03.2026", "d=02.04.2026"}, now: "d=03.27.2026", says: "another order"},
		"what was given may be another one":                  {before: []string{"c=C-1", "c=C-2", "c=C-2"}, given: "C-1 C-2 C-3", now: "c=C-3"},
		"but nothing else":                                   {before: []string{"c=C-1", "c=C-2", "c=C-2"}, given: "C-1 C-2 C-3", now: "c=C-9", says: "always held what the robot was given"},
		"a number that was given once is held all the same":  {before: []string{"kind=1", "kind=1", "kind=1"}, given: "1", now: "kind=2", says: `"kind"`},
		"of a thing that is changed, what is seen is data":   {before: customers, now: "!name=Dora !country=FR id=D4 op=save status=2"},
		"and what is not seen for some time":                 {before: customers, now: "!name=Dora !country=DE id=D4 op=save status=5"},
		"until enough have seen the same":                    {before: append(append(append([]string{}, customers...), customers...), customers...), now: "!name=Dora !country=FR id=D4 op=delete status=2", says: `"op"`},
	} {
		var known *Sent
		for i, text := range test.before {
			input := fmt.Sprint(i)
			if test.same {
				input = "same"
			}
			one := sentWith(strings.Fields(test.given), text)
			if customers := strings.Fields(test.customers); len(customers) > 0 {
				one.Inputs = map[string][]string{".customer": {customers[i]}}
			}
			if lines := strings.Fields(test.lines); len(lines) > 0 {
				one.Inputs = map[string][]string{".lines" + lengthPart: {lines[i]}}
			}
			known = known.learned(one, input, day.Add(time.Duration(i*test.hours)*time.Hour))
			stored, err := json.Marshal(known)
			require.NoError(t, err)
			known = &Sent{}
			require.NoError(t, json.Unmarshal(stored, known))
		}
		now := sentWith(strings.Fields(test.given), test.now)
		if customers := strings.Fields(test.customers); len(customers) > 0 {
			now.Inputs = map[string][]string{".customer": customers[len(customers)-1:]}
		}
		if lines := strings.Fields(test.lines); len(lines) > 0 {
			now.Inputs = map[string][]string{".lines" + lengthPart: lines[len(lines)-1:]}
		}
		for _, name := range strings.Fields(test.put) {
			now.put = map[string]bool{name: true}
		}
		other := known.against(now)
		if test.says == "" {
			require.Empty(t, other, what)
			continue
		}
		require.Contains(t, other, test.says, what)
	}
}

// TestDateOrders holds how the order of a date's parts is read, in the languages of the pages, and that it is not guessed.
func TestDateOrders(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"TT.MM.JJJJ": "dmy", "dd/mm/yyyy": "dmy", "MM/DD/YYYY": "mdy", "(mm-dd-yy)": "mdy", "jj/mm/aaaa": "dmy", "gg/mm/aaaa": "dmy", "yyyy-mm-dd": "ymd", "JJJJ-MM-TT": "ymd", "dd mm yyyy": "dmy", "mm/jj/aaaa": "mdy",
		"e.g. 25.12.2026": "dmy", "12/25/2026": "mdy", "03/04/2026": "", "Day of delivery": "", "": "", "a.b.c": "", "12.13.14": "", "192.168.2026": "",
	} {
		require.Equal(t, want, dateOrder(text), text)
	}
	require.NotEqual(t, hints{Placeholder: "Preis in EUR"}.takes(), hints{Placeholder: "Preis in %"}.takes())
	require.NotEqual(t, hints{Placeholder: "1.234,56"}.takes(), hints{Placeholder: "1,234.56"}.takes())
	require.Equal(t, hints{Placeholder: "Name"}.takes(), hints{Placeholder: "Your name"}.takes(), "words are no matter")
}

// TestPrintsOfEarlierReleases holds that what they did not keep is not compared, and is learned.
func TestPrintsOfEarlierReleases(t *testing.T) {
	t.Parallel()
	old := Print{Tag: "input", Type: "text", Name: "day", Sure: true}
	now := Print{Tag: "input", Type: "text", Name: "day", Order: "dmy", Takes: "x"}
	grave, light := old.against(now, "a")
	require.Empty(t, append(grave, light...))
	learned := old.learned(now, "a", "a", time.Time{})
	require.Equal(t, "dmy", learned.Order)
	require.Equal(t, "x", learned.Takes)
	now.Order, now.Takes = "mdy", "y"
	grave, _ = learned.against(now, "a")
	require.Len(t, grave, 2)
}

// TestMadeNames holds that names which a framework builds of places are compared: each field of a WebForms or JSF page has one.
func TestMadeNames(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]bool{
		"ctl00$Main$hidCompany": false, "ctl00$ContentPlaceHolder1$ddlPriceList": false, "form:j_idt45:price": false, "mainForm:table:0:warehouse": false, "txtAddress2Line1": false, "__VIEWSTATEGENERATOR": false, "org.apache.struts.taglib.html.TOKEN": false,
		"f47ac10b-58cc-4372-a567-0e02b2c3d479": true, "token_9f8a7b6c5d4e3f2a": true, "row_1718294839201_qty": true, "item-8a7f3c21-qty": true,
	} {
		require.Equal(t, made, madeName(name), name)
	}
	known := sentWith(nil, "ctl00$Main$hidCompany=AB")
	known.Runs = certainOfRecord
	require.Contains(t, known.against(sentWith(nil, "ctl00$Main$hidCompany=CD")), "holds another value")
	require.Contains(t, known.against(sentWith(nil, "ctl00$Main$hidCompany=AB ctl00$Main$hidUrgent=yes")), "never held")
	require.Contains(t, known.against(sentWith(nil, "")), "is not there")
	require.Empty(t, known.against(sentWith(nil, "ctl00$Main$hidCompany=AB ctl00$Main$lines$ctl03$old=yes")), "of a further row")
}
