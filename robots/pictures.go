package robots

import (
	"sync"
	"time"
)

// pictureEvery is how often a robot's successful reads are photographed. A picture costs as much processor time as half
// of such a run, and the next one shows the same page; whatever fails, writes or is watched always has its picture.
const pictureEvery = 10 * time.Second

// pictures remembers when robots were photographed last.
type pictures struct {
	mutex sync.Mutex
	last  map[string]time.Time // by robot
}

// due says whether a robot's read is to be photographed, and counts it as done.
func (p *pictures) due(robot string, now time.Time) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if last, ok := p.last[robot]; ok && now.Sub(last) < pictureEvery {
		return false
	}
	if p.last == nil {
		p.last = map[string]time.Time{}
	}
	p.last[robot] = now
	return true
}

// unpictured says that this run needs no picture of its end, which is named.
func (u *run) unpictured(name string) bool {
	return name == "end" && u.program.write == nil && !u.call.Pictures && u.call.Until == 0 && u.desk == nil &&
		!u.runner.pool.pictures.due(u.program.Robot.Name+" "+u.base.String(), u.runner.now())
}
