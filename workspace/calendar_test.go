package workspace

import (
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

const calendars = `systems: {support: {contract: support, drivers: [{person: q}]}}
calendars:
  office: {zone: Europe/Berlin, hours: ['Mon-Thu 09:00-12:00, 13:00-17:00', 'Fri 09:00-15:00'], holidays: days/berlin.csv}
  shop: {zone: America/New_York, hours: 'Sat-Mon, Wed 10:00-24:00'}
`

func TestCalendars(t *testing.T) {
	t.Parallel()
	files := []txtar.File{{Name: "crosswalk.yaml", Data: []byte(calendars)},
		{Name: "days/berlin.csv", Data: []byte("date,name\n# movable\n2026-04-06, Easter Monday\n12-25,Christmas\n")}}
	w, problems := Load(write(t, files...))
	require.Empty(t, problems.Error())
	office, shop := w.Config.Calendar("office"), w.Config.Calendar("shop")
	require.Equal(t, [7][]rules.Hours{1: {{From: 540, To: 720}, {From: 780, To: 1020}}, 2: {{From: 540, To: 720}, {From: 780, To: 1020}}, 3: {{From: 540, To: 720}, {From: 780, To: 1020}}, 4: {{From: 540, To: 720}, {From: 780, To: 1020}}, 5: {{From: 540, To: 900}}}, office.Hours)
	require.Equal(t, map[rules.Day]string{{Year: 2026, Month: time.April, Day: 6}: "Easter Monday", {Month: time.December, Day: 25}: "Christmas"}, office.Holidays)
	require.Equal(t, [7][]rules.Hours{0: {{From: 600, To: 1440}}, 1: {{From: 600, To: 1440}}, 3: {{From: 600, To: 1440}}, 6: {{From: 600, To: 1440}}}, shop.Hours)
	require.Nil(t, w.Config.Calendar(""), "there are two")
	require.Nil(t, w.Config.Calendar("none"))

	reach, err := ParseReach(w.Body(), t.TempDir())
	require.NoError(t, err)
	require.Equal(t, office.Holidays, reach.Config.Calendar("office").Holidays, "the stored form holds the holidays")
}

func TestHolidaysThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, csv, want string }{
		{"without names of columns", "2026-12-25,Christmas\n", "days/berlin.csv:1:1: error: the first line must name the columns (begin the file with the line date,name)"},
		{"no day", "date,name\n25.12.2026,Christmas\n", `days/berlin.csv:2:1: error: "25.12.2026" is not a day (write 2026-12-25, or 12-25 for every year)`},
		{"a day that does not exist", "date,name\n2026-02-29,Leap\n", `days/berlin.csv:2:1: error: "2026-02-29" is not a day (write 2026-12-25, or 12-25 for every year)`},
		{"twice", "date,name\n12-25,a\n12-25,b\n", "days/berlin.csv:3:1: error: the day 12-25 is there twice (remove one of them)"},
		{"without a name", "date,name\n12-25,\n", "days/berlin.csv:2:1: error: the day has no name (as in 12-25,Christmas)"},
		{"three columns", "date,name\n12-25,a,b\n", "days/berlin.csv:2:1: error: expected 2 columns, found 3 (write a date and a name, as in 2026-12-25,Christmas)"},
		{"broken", "date,name\n\"12-25\n", "days/berlin.csv:2:1: error: this is not CSV: extraneous or missing \" in quoted-field"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, problems := Load(write(t, txtar.File{Name: "crosswalk.yaml", Data: []byte(calendars)}, txtar.File{Name: "days/berlin.csv", Data: []byte(test.csv)}))
			require.Equal(t, test.want, problems.Error())
		})
	}
}
