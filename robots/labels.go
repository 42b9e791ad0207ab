package robots

import "regexp"

// What a label says of whether a field must be filled in is no part of its name: pages put it there and take it away, and what
// the field means stays the same. The page has the same patterns, in 1-text.js.
var (
	markBehind = regexp.MustCompile(`(?i)(?:[:*\s]+|\s*[(\[]\s*(?:\*|optional|required|mandatory|erforderlich|pflicht|pflichtfeld|pflichtangabe|freiwillig|facultati(?:f|ve)|obligatoire|requise?|opcional|obligatori[oa]|requerid[oa]|facoltativ[oa]|obbligatori[oa]|optioneel|verplicht|obrigatóri[oa])\s*[)\]])$`)
	markBefore = regexp.MustCompile(`^[*\s]+`)
)

// bareLabel is a label without its marks.
func bareLabel(label string) string {
	label = markBefore.ReplaceAllString(label, "")
	for {
		next := markBehind.ReplaceAllString(label, "")
		if next == label {
			return label
		}
		label = next
	}
}

// sameLabel says whether two labels differ in their marks only.
func sameLabel(before, after string) bool {
	if before == anything || after == anything || before == unsaid || after == unsaid {
		return before == after
	}
	return bareLabel(before) == bareLabel(after)
}
