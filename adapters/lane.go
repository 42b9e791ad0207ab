package adapters

import "time"

// lane hands out the instants at which requests may be made under one limit of rate. No window of the limit's length
// ever holds more of them than the limit says. After a quiet time some come at once; from then on they are evenly
// spaced at the full rate. Instants are microseconds since 1970, so that processes can share a lane as a text.
type lane struct {
	Next   int64   `json:"next"`   // when the next one is due, if all are evenly spaced
	Grants []grant `json:"grants"` // what the last window holds, the oldest first
}

// grant is some instants that lie close together.
type grant struct {
	From  int64 `json:"f"`
	To    int64 `json:"t"`
	Count int   `json:"n"`
}

// granules is into how many parts a window is cut: instants in one part are kept as one grant, and leave the window
// with the last of them. That costs half a percent of the rate at most.
const granules = 200

// burst is how many requests may come at once after a quiet time.
func (l Limit) burst() int {
	share := 10
	if l.Per == time.Second {
		share = 4
	}
	return max(1, l.Requests/share)
}

// spacing is the time between two requests at the full rate, in microseconds.
func (l Limit) spacing() int64 { return max(1, l.Per.Microseconds()/int64(max(1, l.Requests))) }

// due is the first instant, not before now, that the lane can give, and how many of its grants have left the window then.
func (l *lane) due(limit Limit, now int64) (at int64, gone int, full bool) {
	at = max(now, l.Next-int64(limit.burst()-1)*limit.spacing())
	held := 0
	for _, g := range l.Grants {
		held += g.Count
	}
	per := limit.Per.Microseconds()
	for gone < len(l.Grants) && (held >= limit.Requests || l.Grants[gone].To <= at-per) {
		if free := l.Grants[gone].To + per; free > at {
			at, full = free, true
		}
		held -= l.Grants[gone].Count
		gone++
	}
	return at, gone, full
}

// take gives the first instant that is not before now.
func (l *lane) take(limit Limit, now int64) int64 {
	at, gone, full := l.due(limit, now)
	l.Grants = l.Grants[gone:]
	if last := len(l.Grants) - 1; last >= 0 && at-l.Grants[last].From < limit.Per.Microseconds()/granules {
		l.Grants[last].To = at
		l.Grants[last].Count++
	} else {
		l.Grants = append(l.Grants, grant{at, at, 1})
	}
	if l.Next = max(l.Next, at) + limit.spacing(); full {
		l.calm(limit, at) // what was held back does not come in one burst
	}
	return at
}

// calm takes away what may come at once.
func (l *lane) calm(limit Limit, at int64) {
	l.Next = max(l.Next, at+int64(limit.burst())*limit.spacing())
}
