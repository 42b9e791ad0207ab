package robots

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/contracts"
)

// world is the name of the isolated JavaScript world that our library lives in. Page scripts cannot see
// or break it: they have overridden Promise, Array.from and worse.
const world = "crosswalk"

//go:embed library/*.js
var scripts embed.FS

// library is what acts on pages, in a function of its own so that it can be loaded twice.
var library = func() string {
	names, err := fs.Glob(scripts, "library/*.js")
	if err != nil {
		panic(err)
	}
	var all strings.Builder
	for _, name := range names { // in the order of their numbers
		text, err := scripts.ReadFile(name)
		if err != nil {
			panic(err)
		}
		all.Write(text)
	}
	// A document without scripts gets what is evaluated at its beginning only when its first handler runs: then the
	// library is there already, and must keep the element that it holds.
	return "(() => { if (globalThis.crosswalk) return true;" + all.String() + "\nreturn true; })()"
}()

// call runs a function of our library in a frame and decodes its result. Navigations make calls fail; who
// calls decides whether to try again in the new document.
func (t *tab) call(ctx context.Context, f frame, function string, argument, result any) error {
	id, err := t.worldOf(ctx, f)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(argument)
	if err != nil {
		return err
	}
	raw, err := t.on(ctx, f.session).Call(ctx, string(f.session), "Runtime.callFunctionOn", map[string]any{
		"functionDeclaration": "function(name, argument) { return crosswalk[name](argument) }",
		"executionContextId":  id,
		"arguments":           []any{map[string]string{"value": function}, map[string]json.RawMessage{"value": encoded}},
		"returnByValue":       true, "awaitPromise": true,
	})
	if err != nil {
		return err
	}
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	if thrown := answer.ExceptionDetails; thrown != nil {
		if what, _, _ := strings.Cut(thrown.Exception.Description, "\n"); strings.HasPrefix(what, "SyntaxError: ") || strings.Contains(what, "not a node set") {
			_, what, _ = strings.Cut(what, "Error: ")
			return contracts.NewError(contracts.Internal, "", "the browser cannot read a selector or a pattern of the file: %s", what)
		}
		return fmt.Errorf("%s failed in the page: %s %s", function, thrown.Text, thrown.Exception.Description)
	}
	if result == nil || len(answer.Result.Value) == 0 {
		return nil
	}
	return json.Unmarshal(answer.Result.Value, result)
}

// worldOf returns the isolated world of a frame's present document.
func (t *tab) worldOf(ctx context.Context, f frame) (proto.RuntimeExecutionContextID, error) {
	t.mutex.Lock()
	known := t.frames[f.id]
	if known != nil && known.generation == f.generation && known.world != 0 {
		defer t.mutex.Unlock()
		return known.world, nil
	}
	t.mutex.Unlock()
	c := t.on(ctx, f.session)
	made, err := proto.PageCreateIsolatedWorld{FrameID: proto.PageFrameID(f.id), WorldName: world}.Call(c)
	if err != nil {
		return 0, err
	}
	// Documents that were there before the session, such as the first about:blank, lack the library.
	there, err := proto.RuntimeEvaluate{Expression: "!!globalThis.crosswalk", ContextID: made.ExecutionContextID, ReturnByValue: true}.Call(c)
	if err == nil && !there.Result.Value.Bool() {
		_, err = proto.RuntimeEvaluate{Expression: library, ContextID: made.ExecutionContextID}.Call(c)
	}
	if err != nil {
		return 0, err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if known := t.frames[f.id]; known != nil && known.generation == f.generation {
		known.world = made.ExecutionContextID
	}
	return made.ExecutionContextID, nil
}
