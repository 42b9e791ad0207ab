package workspace

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheFolderOfAnOlderReleaseIsNoStranger: what was published before folders were remembered may all be of this one, which
// goes back to what it once was; another that comes after it may not.
func TestTheFolderOfAnOlderReleaseIsNoStranger(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	dir := write(t, base(t)...)
	publish(t, dir, s)
	edit(t, dir, "rules/enough.yaml", "> 10", "> 20")
	publish(t, dir, s)
	edit(t, dir, "rules/enough.yaml", "> 20", "> 10")
	w, problems := Load(dir)
	require.Empty(t, problems.Error())
	back, err := w.PublishFrom(t.Context(), s, "mine", "ada", "")
	require.NoError(t, err)
	require.Equal(t, []string{"restock"}, back.Changed)

	edit(t, dir, "rules/enough.yaml", "> 10", "> 20")
	w, problems = Load(dir)
	require.Empty(t, problems.Error())
	_, err = w.PublishFrom(t.Context(), s, "another", "bea", "")
	var overtaken *OvertakenError
	require.ErrorAs(t, err, &overtaken)
	require.Equal(t, "use case restock", overtaken.By[0].What)
	forth, err := w.PublishFrom(t.Context(), s, "mine", "ada", "")
	require.NoError(t, err)
	require.Equal(t, []string{"restock"}, forth.Changed)
}
