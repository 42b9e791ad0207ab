package activities

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
)

// EffectKey names the write of a step for ever: in the ledger, and to the system that is asked to do it only once.
func EffectKey(p Place) string { return hashed(p, "effect")[:32] }

// TaskID names a task of a step. Round tells tasks of one step apart.
func TaskID(p Place, kind string, round int) string {
	return "t" + hashed(p, fmt.Sprintf("%s/%d", kind, round))[:25]
}

// readPath is the key of a stored read.
func readPath(p Place) string { return fmt.Sprintf("%s~%d", p.Path, p.Generation) }

func hashed(p Place, what string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%s", p.Case, p.Path, p.Generation, what))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}
