package robots

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

func TestSystemFileProblems(t *testing.T) {
	t.Parallel()
	_, problems := ParseSystem("x.system.yaml", []byte(`system: x
base: erp.example
alow: [a]
browser: {kind: firefox, viewport: big, timezone: Mars/Base, numbers: '1,234,56', dates: dd/MM}
limits: {per_credential: 0, hours: Mon, step: soon}
session:
  secrets: [user]
  alive: {link: Exit, button: Exit}
  login:
    - fill: {into: {label: Name}, value: admin}
    - click: {label: Go}
    - fill: {into: {label: X}, value: '${secret.pasword}'}
errors:
  - {class: strange}
  - {seen: {}, class: internal}
dialogs: {default: ignore, accept: ['/(/']}
human: [{ask: {what: code}}]
`))
	for _, message := range []string{
		`x.system.yaml:2:7: error: "erp.example" is not the address of a web application`,
		`3:1: error: unknown field "alow" (did you mean "allow"?)`,
		`4:17: error: "firefox" is not one of the values possible here`,
		`"big" is not a size`, `"Mars/Base" is not a time zone`, `"1,234,56" is not a sample of a number format`, `"dd/MM" does not make up a whole date`,
		`0 is too small (write a number from 1 to 1000)`, `does not say when it is open`, `"soon" is not a duration`,
		`8:10: error: button and link exclude each other`,
		`10:42: warning: the login fills in a text that stands in this file (use ${secret.…})`,
		`pasword`, `"strange" is not one of`, `does not say how the error is recognised`, `this does not say what to look for`, `a page cannot say internal`,
		`"ignore" is not one of`, `not a regular expression`, `say what shows that a person is needed`,
	} {
		require.Contains(t, problems.Error(), message)
	}
}

func TestRobotFileProblems(t *testing.T) {
	t.Parallel()
	system, problems := ParseSystem("t.system.yaml", []byte(plainSystem))
	require.NoError(t, problems.Err())
	robot, problems := Parse("r.yaml", []byte(`robot: r
operation: shop.look
system: test
find:
  - goto: search
  - clik: {link: A}
  - click: {link: A, button: B}
  - {click: {link: A}, goto: /x}
  - fill: {into: {label: A}, value: '${input.nubmer}', key: Entr}
  - fill: {into: {label: A}, value: '${secret.password}'}
  - read: {from: {label: A}, as: Total Sum}
  - read: {from: {label: A}, as: total, type: decimal, match: 'a+'}
  - table: {from: {frame: main}, columns: {A: a, B: {as: b, type: date}}, where: {c: x}, expect: some, open: {column: C, do: []}, as: rows}
  - when: input.number
    click: {css: 'div:nth-child(3)'}
  - when: input.note != missing
    read: {from: {label: Note}, as: maybe}
  - expect: {text: '${maybe}'}
  - each: {of: '${total}', as: item, do: []}
  - upload: {label: x}
  - fail: strange
  - click: {text: '/(/'}
  - click: {row: {A: x}}
commit: {}
output: {any: {x: '${unknown}'}}
evidence: {keep: 9s}
`))
	require.Empty(t, problems)
	_, problems = Compile(robot, system, lookOperation(t))
	for _, message := range []string{
		`r.yaml:5:11: error: "search" cannot be opened`, `6:5: error: unknown field "clik" (did you mean "click"?)`, `button and link exclude each other`,
		`goto and click are two steps`, `nubmer`, `"Entr" is not one of the values possible here (did you mean "Enter"?)`, `secret`,
		`"Total Sum" is not a name`, `"decimal" is not one of`, `the pattern must have one group`,
		`"c" is not a column that is read`, `"some" is not a number of rows`, `"C" is not one of the headings`,
		`warning: a position or a generated name breaks`, `an upload has either text or base64`, `shop.look only reads, and has no commit`,
		`this is text and not a list`, `"strange" is not one of`, `not a regular expression`, `row and column belong together`, `unknown`, `evidence is kept for at least`,
	} {
		require.Contains(t, problems.Error(), message)
	}
}

func TestDatesNeedAFormat(t *testing.T) {
	t.Parallel()
	system, problems := ParseSystem("t.system.yaml", []byte("system: t\nbase: http://t.example\n"))
	require.NoError(t, problems.Err())
	robot, _ := Parse("r.yaml", []byte("robot: r\noperation: shop.look\nsystem: t\nfind:\n  - read: {from: {label: A}, as: a, type: date}\noutput: {any: {}}\n"))
	_, problems = Compile(robot, system, lookOperation(t))
	require.ErrorContains(t, problems.Err(), "the system does not say how it writes dates")
}

func TestWhatWasReadUnderAConditionMayBeMissing(t *testing.T) {
	t.Parallel()
	system, problems := ParseSystem("t.system.yaml", []byte(plainSystem))
	require.NoError(t, problems.Err())
	text := "robot: r\noperation: shop.look\nsystem: t\nfind:\n  - seen: {text: X}\n    read: {from: {label: A}, as: a}\n  - assert: len(a) > 0\noutput: {any: {}}\n"
	robot, _ := Parse("r.yaml", []byte(text))
	_, problems = Compile(robot, system, lookOperation(t))
	require.ErrorContains(t, problems.Err(), "may be missing")
	robot, _ = Parse("r.yaml", []byte(strings.Replace(text, "len(a) > 0", `len(a ?? "") > 0`, 1)))
	_, problems = Compile(robot, system, lookOperation(t))
	require.NoError(t, problems.Err())
}

func TestWritesAreNotAvailableYet(t *testing.T) {
	t.Parallel()
	robot, system := CatalogRobot("versanddesk-get-shipment")
	_, problems := Compile(robot, system, contracts.Catalog()["support"].Operation("create_task"))
	require.ErrorContains(t, problems.Err(), "support.create_task writes")
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	german, swiss, plain := formats{group: ".", decimal: ","}, formats{group: "'", decimal: "."}, formats{decimal: "."}
	for _, c := range []struct {
		f          formats
		text, want string
	}{
		{german, "1.234,56", "1234.56"}, {german, "1234,5", "1234.5"}, {german, "-0,10", "-0.1"}, {german, "5,00-", "-5"}, {german, "12", "12"},
		{german, "1,234.56", ""}, {german, "1.23", ""}, {german, "1.2345,0", ""}, {german, "1234.567", ""}, {german, "", ""}, {german, "1,", ""}, {german, "1,2,3", ""}, {german, "12 EUR", ""},
		{swiss, "1'234.56", "1234.56"}, {swiss, "1,5", ""}, {plain, "1234.56", "1234.56"}, {plain, "1,234.56", ""},
	} {
		got, err := c.f.number(c.text)
		if c.want == "" {
			require.Error(t, err, c.text)
			continue
		}
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, got.String())
	}
	money := cell{kind: "money"}
	for _, text := range []string{"EUR 1.234,56", "1.234,56 €", "1.234,56 EUR", "1.234,56"} {
		got, err := money.value(text, german)
		require.NoError(t, err, text)
		require.Equal(t, "1234.56", got.String())
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	f := formats{dates: []string{"02.01.2006", "02.01.06"}}
	for text, want := range map[string]string{"31.12.2025": "2025-12-31", "01.02.26": "2026-02-01", "31.02.2026": "", "2026-01-02": "", "12/31/2025": ""} {
		got, err := f.date(text)
		require.Equal(t, want == "", err != nil, text)
		require.Equal(t, want, got.String())
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	x, err := rules.Compile(`digits("WEB-10 427")`, rules.NewEnvironment(nil), options)
	require.NoError(t, err)
	got, err := x.Eval(nil)
	require.NoError(t, err)
	require.Equal(t, "10427", got.Text())
}

// TestRowsThatATableMustHave holds that a row which expect has seen to is there in expressions too.
func TestRowsThatATableMustHave(t *testing.T) {
	t.Parallel()
	system, problems := ParseSystem("t.system.yaml", []byte(plainSystem))
	require.NoError(t, problems.Err())
	for expect, want := range map[string]string{"1": "", "1..": "", "2..3": "", "0..1": "found[0] may be missing (write found[0]?.… with ??", "": "found[0] may be missing"} {
		table := "  - table: {from: {}, columns: {No: number}, as: found}\n"
		if expect != "" {
			table = strings.Replace(table, "as: found", "as: found, expect: "+expect, 1)
		}
		robot, problems := Parse("r.yaml", []byte("robot: r\noperation: shop.look\nsystem: test\nfind:\n  - goto: /\n"+table+"output: {any: {x: '${found[0].number}'}}\n"))
		require.NoError(t, problems.Err())
		_, problems = Compile(robot, system, lookOperation(t))
		if want == "" {
			require.NoError(t, problems.Err(), expect)
			continue
		}
		require.ErrorContains(t, problems.Err(), want, expect)
	}
}
