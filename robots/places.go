package robots

import "strings"

// The links that a table step acts on beside the table itself, as what is remembered of them is told apart by.
const (
	partNext = " next"
	partBack = " back"
	partOpen = " open"
)

// mergedPath is a path with * for the segments in which two differ.
func mergedPath(a, b string) string {
	if a == b {
		return a
	}
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	if len(as) != len(bs) {
		return anything
	}
	for i := range as {
		if as[i] != bs[i] {
			as[i] = anything
		}
	}
	return strings.Join(as, "/")
}

// fitsPath says whether a path is as one that is known.
func fitsPath(known, now string) bool {
	as, bs := strings.Split(known, "/"), strings.Split(now, "/")
	if known == anything {
		return true
	}
	for i := range as {
		if len(as) != len(bs) || as[i] != bs[i] && as[i] != anything {
			return false
		}
	}
	return true
}
