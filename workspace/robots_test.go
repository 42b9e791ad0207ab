package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestARobotWithErrorsIsNamedOnce holds that what is wrong in a robot's file is said there alone, and not as a driver that is missing
// too, that a driver which is missing is said, and that a robot which nothing can use is no silence.
func TestARobotWithErrorsIsNamedOnce(t *testing.T) {
	t.Parallel()
	const driver = "  erp: {contract: erp, drivers: [{robot: erp, base_url: 'http://127.0.0.1:7999'}]}\n"
	const robot = "robot: erp-find\noperation: erp.find\nsystem: erp\nfind:\n  - goto: /\n  - {seen: {text: Nothing}, fail: not_found}\ncanary: {none: a test}\noutput: {done: true}\n"
	for name, c := range map[string]struct {
		systems, contract, robot string
		want                     []string
	}{
		"an error in the robot": {driver, "", robot, []string{"robots/erp-find.yaml:6:35: error: erp.find does not list not_found among its errors (add errors: [not_found] to the operation, in the contract erp)"}},
		"one that is no robot":  {driver, ", errors: [not_found]", strings.Replace(robot, "output:", "outptu:", 1), []string{`robots/erp-find.yaml:8:1: error: unknown field "outptu" (did you mean "output"?)`}},
		"none at all":           {driver, "", "", []string{`crosswalk.yaml:2:33: error: no driver of the system "erp" carries out find, which usecases/ask.yaml:4 needs (add a driver that does; {person: QUEUE} lets somebody answer it by hand)`}},
		"no driver": {"  erp: {contract: erp, drivers: [{person: repair}]}\n", ", errors: [not_found]", robot,
			[]string{"robots/erp-find.yaml:3:9: warning: no driver of crosswalk.yaml is the robot erp: nothing can use this file, and it was not checked (add to a system there drivers: [{robot: erp, …}], with the secrets of its login)"}},
		"all is well": {driver, ", errors: [not_found]", robot, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range map[string]string{
				"crosswalk.yaml": "systems:\n" + c.systems + "people: {roles: roles.yaml}\nnetwork: {allow: ['127.0.0.1:7999']}\n", "roles.yaml": "queues: {repair: {title: Repair, roles: [agent]}}\nusers: [{name: Ada, email: ada@example.com, password: 'env:ADA', roles: [agent]}]\n",
				"contracts/erp.yaml":     "contract: erp\noperations:\n  find: {title: Find, effect: read, input: {}, output: {done: {type: boolean, required: true}}" + c.contract + "}\n",
				"robots/erp.system.yaml": "system: erp\nbase: http://127.0.0.1:7999\n", "robots/erp-find.yaml": c.robot,
				"usecases/ask.yaml": "usecase: ask\ninput: {}\nsteps:\n  - {id: found, call: erp.find}\n  - {when: found.done, end: {outcome: done}}\n  - end: {outcome: other}\n",
			} {
				if text == "" {
					continue
				}
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
			}
			_, problems := Load(dir)
			var said []string
			for _, problem := range problems {
				said = append(said, problem.Error())
			}
			require.Equal(t, c.want, said)
		})
	}
}
