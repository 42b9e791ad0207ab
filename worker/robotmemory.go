package worker

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"crosswalk/robots"
	"crosswalk/store"
)

// robotMemory keeps what pages of robots were like in the store, for all processes on it.
type robotMemory struct {
	store *store.Store
	now   func() time.Time

	mutex sync.Mutex
	known map[robots.Version]rememberedPrints
}

// rememberedPrints is what was read last: a robot that runs often does not ask each time.
type rememberedPrints struct {
	prints map[string]robots.Print
	at     time.Time
}

func newRobotMemory(s *store.Store) *robotMemory {
	return &robotMemory{store: s, now: time.Now, known: map[robots.Version]rememberedPrints{}}
}

const (
	rememberFor    = 5 * time.Second // what other processes and people have changed since is seen then
	mostRemembered = 200
)

// Prints are what is known of the places of a robot.
func (m *robotMemory) Prints(ctx context.Context, of robots.Version) (map[string]robots.Print, error) {
	m.mutex.Lock()
	held, is := m.known[of]
	m.mutex.Unlock()
	if is && m.now().Sub(held.at) < rememberFor {
		return held.prints, nil
	}
	rows, err := m.store.RobotPrints(ctx, store.RobotVersion(of))
	if err != nil {
		return nil, err
	}
	prints := make(map[string]robots.Print, len(rows))
	for _, row := range rows {
		var print robots.Print
		if json.Unmarshal(row.Print, &print) != nil {
			continue // of a later release: it is learned anew
		}
		print.PageAt = row.PageAt
		prints[row.Place] = print
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if len(m.known) >= mostRemembered {
		clear(m.known)
	}
	m.known[of] = rememberedPrints{prints, m.now()}
	return prints, nil
}

// Learn keeps what a run has seen.
func (m *robotMemory) Learn(ctx context.Context, of robots.Version, seen []robots.Seen) error {
	places := make([]store.SeenPlace, len(seen))
	for i, one := range seen {
		print, err := json.Marshal(one.Print)
		if err != nil {
			return err
		}
		places[i] = store.SeenPlace{Place: one.Place, Print: print, Page: one.Page}
	}
	m.mutex.Lock()
	delete(m.known, of)
	m.mutex.Unlock()
	return m.store.LearnRobot(ctx, store.RobotVersion(of), places)
}

// Propose keeps a change for somebody to decide on.
func (m *robotMemory) Propose(ctx context.Context, change robots.Change) error {
	return m.store.ProposeRobotChange(ctx, store.RobotChange{RobotVersion: store.RobotVersion(change.Version), Kind: change.Kind, Place: change.Place,
		Words: change.Words, Becomes: change.Becomes, Reason: change.Reason, Page: change.Page, CaseID: change.Case})
}
