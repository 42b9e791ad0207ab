package worker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/activities"
	"crosswalk/store"
	"crosswalk/usecases"
)

// TestWritesOfAPreview holds that each write of which nobody knows what became of it is told, also behind a newer one.
func TestWritesOfAPreview(t *testing.T) {
	t.Parallel()
	effect := func(path string, state store.EffectState) store.Effect {
		return store.Effect{StepPath: path, Operation: "support.create_ticket", State: state}
	}
	var preview Preview
	preview.writes([]store.Effect{
		effect("a", store.EffectUnknown), effect("b", store.EffectConfirmed), effect("a", store.EffectConfirmed), effect("b", store.EffectConfirmed),
		effect("c", store.EffectVoid), effect("d", store.EffectIntent), effect("e", store.EffectSent), effect("f", store.EffectUnknown),
		effect("g", store.EffectConfirmed), effect("g", store.EffectUnknown),
	}, &usecases.Plan{}, func(path string) bool { return path != "f" && path != "g" }, func(path string) bool { return path != "f" })
	var told []string
	for _, one := range preview.Writes {
		told = append(told, one.Step+" "+one.State)
	}
	require.Equal(t, []string{"a unknown", "a confirmed", "b confirmed", "e sent", "g unknown"}, told)
	require.Equal(t, []string{"a", "e", "f"}, activities.Unsettled([]store.Effect{effect("f", store.EffectUnknown), effect("a", store.EffectUnknown), effect("b", store.EffectConfirmed), effect("e", store.EffectSent), effect("a", store.EffectSent)}))
}
