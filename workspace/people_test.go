package workspace

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is wrong with a deputy is said where the deputy is named; that nobody would do the work is a warning.
func TestDeputiesAreLookedAt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ ada, ben, want string }{
		"there meanwhile":       {ada: "{from: 2026-08-03, to: 2026-08-14, deputy: ben@acme.example}", ben: "{from: 2026-08-15, to: 2026-08-20, deputy: ada@acme.example}"},
		"without a deputy":      {ada: "{from: 2026-08-03, to: 2026-08-14}", ben: "{from: 2026-08-03, to: 2026-08-14}"},
		"away on the last day":  {ada: "{from: 2026-08-03, to: 2026-08-14, deputy: Ben@acme.example}", ben: "{from: 2026-08-14, to: 2026-08-20}", want: `roles.yaml:3:127: warning: ben@acme.example is away too, from 2026-08-14 to 2026-08-20 (the work is not handed on to the deputy's own deputy: name somebody who is there)`},
		"each for the other":    {ada: "{from: 2026-08-03, to: 2026-08-14, deputy: ben@acme.example}", ben: "{from: 2026-08-01, to: 2026-08-03, deputy: ada@acme.example}", want: "roles.yaml:4:127: warning: ada@acme.example is away too, from 2026-08-03 to 2026-08-14"},
		"nobody of that name":   {ada: "{from: 2026-08-03, to: 2026-08-14, deputy: bern@acme.example}", ben: "{from: 2026-08-03, to: 2026-08-14}", want: `there is nobody with the address bern@acme.example (did you mean "ben@acme.example"?)`},
		"his own":               {ada: "{from: 2026-08-03, to: 2026-08-14, deputy: ada@acme.example}", ben: "{from: 2026-08-03, to: 2026-08-14}", want: "nobody is his own deputy"},
		"a day that is no day":  {ada: "{from: 2026-08-03, to: 2026-08-14, deputy: ben@acme.example}", ben: "{from: 3.8.2026, to: 2026-08-14}", want: `"3.8.2026" is not a day`},
		"ended before it began": {ada: "{from: 2026-08-14, to: 2026-08-03}", ben: "{from: 2026-08-03, to: 2026-08-14}", want: "the absence ends before it begins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := parsePeople("roles.yaml", []byte(strings.NewReplacer("ADA", test.ada, "BEN", test.ben).Replace(`queues: {repair: {title: Repairs, roles: [agent]}}
users:
  - {email: ada@acme.example, name: Ada, roles: [agent], password: env:A, absent: [ADA]}
  - {email: ben@acme.example, name: Ben, roles: [agent], password: env:B, absent: [BEN]}
`)), t.TempDir())
			if test.want == "" {
				require.Empty(t, problems)
				return
			}
			require.Contains(t, problems.Error(), test.want)
		})
	}
}
