package rules

// prover looks for facts with some property. It counts what it does, and stops when that is used up.
type prover struct {
	space *space
	steps int // that are left
	spent bool
}

func (s *prover) pay(steps int) bool {
	if s.steps -= steps; s.steps < 0 {
		s.spent = true
	}
	return !s.spent
}

// of is the set of an axis in a region.
func (s *prover) of(region box, axis int) pieceSet {
	if region[axis] == nil {
		return s.space.sizes[axis]
	}
	return region[axis]
}

// split cuts a region on an axis into what a set has and what it does not have.
func (s *prover) split(region box, axis int, set pieceSet) (in, out box) {
	have := s.of(region, axis)
	in, out = region.clone(), region.clone()
	in[axis], out[axis] = have.and(set), have.without(set)
	return in, out
}

// uncovered finds a region in which none of the boxes is; false if they cover all of it, or the steps are used up.
func (s *prover) uncovered(region box, boxes []box) (box, bool) {
	var live []box
	nearest, axis, fewest := -1, -1, 0
	for _, b := range boxes {
		if !s.pay(len(region)) {
			return nil, false
		}
		count, at := region.outside(b, s.space.sizes)
		switch {
		case count < 0:
			continue
		case count == 0:
			return nil, false
		}
		if nearest < 0 || count < fewest {
			nearest, axis, fewest = len(live), at, count
		}
		live = append(live, b)
	}
	if nearest < 0 {
		return region, true
	}
	if fewest > 1 {
		axis = s.axisToSplit(region, live[nearest], live)
	}
	in, out := s.split(region, axis, live[nearest][axis])
	if found, ok := s.uncovered(out, live); ok {
		return found, true
	}
	return s.uncovered(in, live)
}

// axisToSplit is the axis on which a box divides a region so that the fewest boxes reach into both halves.
func (s *prover) axisToSplit(region, by box, live []box) int {
	best, least := -1, 0
	for axis, set := range by {
		if set == nil || s.of(region, axis).within(set) {
			continue
		}
		in, out := s.of(region, axis).and(set), s.of(region, axis).without(set)
		both := 0
		for _, b := range live {
			if b[axis] == nil || b[axis].intersects(in) && b[axis].intersects(out) {
				both++
			}
		}
		s.pay(len(live) * len(set) / 4)
		if best < 0 || both < least {
			best, least = axis, both
		}
	}
	return best
}

// grow makes a region in which none of the boxes is as large as it can be, one axis after the other.
func (s *prover) grow(region box, boxes []box) box {
	region = region.clone()
	for axis := range region {
		if region[axis] == nil {
			continue
		}
		wide := region.clone()
		wide[axis] = nil
		allowed := s.space.sizes[axis]
		for _, b := range boxes {
			if !s.pay(len(region)) {
				return region
			}
			if wide.intersects(b) {
				if b[axis] == nil {
					allowed = region[axis] // cannot be: the region is free of b
					break
				}
				allowed = allowed.without(b[axis])
			}
		}
		if region[axis] = allowed; allowed.equal(s.space.sizes[axis]) {
			region[axis] = nil
		}
	}
	return region
}

// outcomes says what a table makes of a region.
type outcomes interface {
	// resolve is what comes of the facts of a region, of which boxes are those that reach into it; inside says which of
	// them hold all of it. If that is not the same for all facts, ok is false and at is a box to divide the region by.
	resolve(boxes []ruleBox, inside []bool) (result string, at int, ok bool)
}

// meaning is a table in a space: its boxes and what comes of them.
type meaning struct {
	boxes    []ruleBox
	outcomes outcomes
	names    []string // by box: what it means, for boxes that mean the same
}

// reaching are the boxes that reach into a region.
func (s *prover) reaching(region box, boxes []ruleBox) (live []ruleBox, inside []bool, violated []int) {
	for _, b := range boxes {
		if !s.pay(len(region)) {
			return nil, nil, nil
		}
		count, axis := region.outside(b.box, s.space.sizes)
		if count < 0 {
			continue
		}
		live, inside, violated = append(live, b), append(inside, count == 0), append(violated, axis)
	}
	return live, inside, violated
}

// differ finds a region for all of whose facts two tables give different results; false if there is none, or the steps
// are used up. same says that two sets of rows decide alike, whatever they are divided into.
func (s *prover) differ(region box, a, b *meaning, left, right []ruleBox, same func(a, b []ruleBox) bool) (found box, was, is string, ok bool) {
	liveA, insideA, _ := s.reaching(region, left)
	liveB, insideB, _ := s.reaching(region, right)
	if s.spent || same(liveA, liveB) {
		return nil, "", "", false
	}
	was, at, resolvedA := a.outcomes.resolve(liveA, insideA)
	var by box
	if !resolvedA {
		by = liveA[at].box
	}
	is, at, resolvedB := b.outcomes.resolve(liveB, insideB)
	if by == nil && !resolvedB {
		by = liveB[at].box
	}
	if by == nil {
		if was == is {
			return nil, "", "", false
		}
		found, ok = s.uncovered(region, s.space.never)
		return found, was, is, ok
	}
	all := make([]box, 0, len(liveA)+len(liveB))
	for _, one := range liveA {
		all = append(all, one.box)
	}
	for _, one := range liveB {
		all = append(all, one.box)
	}
	axis := s.axisToSplit(region, by, all)
	in, out := s.split(region, axis, by[axis])
	if found, was, is, ok = s.differ(in, a, b, liveA, liveB, same); ok {
		return found, was, is, ok
	}
	return s.differ(out, a, b, liveA, liveB, same)
}
