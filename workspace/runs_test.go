package workspace

import (
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"crosswalk/usecases"
)

const (
	orders  = "usecase: order-goods\ninput: {sku: {type: string, required: true}}\nsteps:\n  - {id: done, ask: {queue: depot, what: answer, form: {pieces: {type: number, required: true}}}}\n"
	refills = "usecase: refill\ninput: {}\nsteps:\n  - {id: ordered, run: order-goods, with: {sku: KE-17}}\n  - {end: {result: {pieces: '${ordered.result.pieces * 2}'}}}\n"
)

// A use case is checked against those that it runs as they are, and its bundle needs nothing but what they take and give.
func TestUseCaseThatRunsAnother(t *testing.T) {
	t.Parallel()
	dir := write(t, append(base(t), txtar.File{Name: "usecases/refill.yaml", Data: []byte(refills)}, txtar.File{Name: "usecases/order-goods.yaml", Data: []byte(orders)})...)
	w, problems := Load(dir)
	require.Empty(t, problems.Error())
	bundle, err := usecases.ParseBundle(w.UseCase("refill").Bundle.Canonical())
	require.NoError(t, err)
	plan, problems := usecases.Compile(bundle)
	require.Empty(t, problems.Error())
	require.Equal(t, w.UseCase("refill").Hash, plan.Hash)
	before := plan.Hash

	edit(t, dir, "usecases/order-goods.yaml", "done, ask", "done, title: Another title, ask")
	w, problems = Load(dir)
	require.Empty(t, problems.Error())
	require.Equal(t, before, w.UseCase("refill").Hash, "how the other does it is its own affair")

	edit(t, dir, "usecases/order-goods.yaml", "pieces: {type: number", "pieces: {type: string")
	_, problems = Load(dir)
	require.Contains(t, problems.Error(), "usecases/refill.yaml:5")
}

func TestUseCasesThatRunEachOther(t *testing.T) {
	t.Parallel()
	around := "usecase: order-goods\ninput: {sku: {type: string, required: true}}\nsteps:\n  - {id: again, run: refill}\n"
	_, problems := Load(write(t, append(base(t), txtar.File{Name: "usecases/refill.yaml", Data: []byte(refills)}, txtar.File{Name: "usecases/order-goods.yaml", Data: []byte(around)})...))
	require.Equal(t, "usecases/refill.yaml:4:24: error: use cases run each other: order-goods runs refill runs order-goods (put what both need into a third one)", problems.Errors().Error())
}
