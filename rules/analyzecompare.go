package rules

// comparison is two tables in one space.
type comparison struct {
	prover
	old, new           *Table
	oldBoxes, newBoxes []ruleBox
	was, is            *meaning
	maker              *maker
}

// compareTables puts two tables into one space. It is nil if they are too large for that.
func compareTables(old, new *Table, steps int) *comparison {
	c := &comparison{old: old, new: new}
	c.space = newSpace(new.Facts)
	c.space.add(new) // its types count
	c.space.add(old)
	c.space.cut()
	c.steps = steps
	c.maker = newMaker(c.space, &c.steps)
	words := 0
	for _, axis := range c.space.axes {
		words += len(axis.pieces) / 64 * (len(old.rows) + len(new.rows))
		if len(axis.pieces) > maxPieces {
			return nil
		}
	}
	if words > maxSetWords {
		return nil
	}
	c.oldBoxes, c.newBoxes = c.space.boxes(old, &words), c.space.boxes(new, &words)
	c.space.pad(c.oldBoxes)
	c.space.pad(c.newBoxes)
	c.space.exclude()
	c.space.outOfForce(new)
	c.was, c.is = meaningOf(old, c.oldBoxes), meaningOf(new, c.newBoxes)
	return c
}

// label numbers the boxes by what they mean, so that equal sequences decide alike.
func (c *comparison) label() (old, new []ruleBox) {
	ids := map[string]int{}
	mark := func(m *meaning) []ruleBox {
		boxes := make([]ruleBox, len(m.boxes))
		for i, b := range m.boxes {
			id, known := ids[m.names[i]]
			if !known {
				id = len(ids) + 1
				ids[m.names[i]] = id
			}
			b.same = id
			boxes[i] = b
		}
		m.boxes = boxes
		return boxes
	}
	return mark(c.was), mark(c.is)
}

// alike says whether two sequences of boxes decide alike, whatever they are divided into.
func (c *comparison) alike(a, b []ruleBox) bool {
	if len(a) != len(b) || choiceOf(c.old) != choiceOf(c.new) || noneOf(c.was) != noneOf(c.is) {
		return false
	}
	for i := range a {
		if a[i].same != b[i].same {
			return false
		}
	}
	return true
}

func noneOf(m *meaning) string { return m.outcomes.(*tableOutcomes).none }

// changedBoxes are the regions outside of which the two decide alike: the boxes that only one of them has, or that stand
// in another order; everything, if the rule by which they choose has changed.
func (c *comparison) changedBoxes(old, new []ruleBox) []box {
	if choiceOf(c.old) != choiceOf(c.new) || noneOf(c.was) != noneOf(c.is) {
		return []box{make(box, len(c.space.axes))}
	}
	kept := longestCommon(old, new)
	var changed []box
	for _, side := range [][]ruleBox{old, new} {
		at := 0
		for _, b := range side {
			if at < len(kept) && kept[at] == b.same {
				at++
				continue
			}
			changed = append(changed, b.box)
		}
	}
	return changed
}

// longestCommon is a common subsequence of two sequences of boxes: the longest for those of usual length, and what
// they begin and end with for longer ones.
func longestCommon(old, new []ruleBox) []int {
	var head, tail []int
	for len(old) > 0 && len(new) > 0 && old[0].same == new[0].same {
		head = append(head, old[0].same)
		old, new = old[1:], new[1:]
	}
	for len(old) > 0 && len(new) > 0 && old[len(old)-1].same == new[len(new)-1].same {
		tail = append([]int{old[len(old)-1].same}, tail...)
		old, new = old[:len(old)-1], new[:len(new)-1]
	}
	const most = 4_000_000
	if len(old)*len(new) > most {
		return append(head, tail...)
	}
	length := make([][]int32, len(old)+1)
	for i := range length {
		length[i] = make([]int32, len(new)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(new) - 1; j >= 0; j-- {
			if old[i].same == new[j].same {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(old) && j < len(new); {
		switch {
		case old[i].same == new[j].same:
			head = append(head, old[i].same)
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return append(head, tail...)
}

// difference is a region of facts that two tables decide differently.
type difference struct {
	region  box
	was, is string
	facts   Value // an example that both have decided; missing if none was found
}

// differences finds up to so many regions in which two tables differ, and says whether that is all of them.
func (c *comparison) differences(most int, real bool) (found []difference, complete bool) {
	old, new := c.label()
	var seen []box
	for _, start := range c.changedBoxes(old, new) {
		regions := []box{start}
		for _, done := range seen {
			regions = c.minus(regions, done)
		}
		seen = append(seen, start)
		for _, region := range regions {
			for c.pay(1) {
				at, was, is, ok := c.differ(region, c.was, c.is, old, new, c.alike)
				if !ok {
					break
				}
				grown := c.growSame(at, was, is, old, new)
				one := difference{region: grown, was: was, is: is}
				if facts, ok := c.example(grown); ok {
					one.facts = facts
				} else if facts, ok := c.example(at); ok {
					one.facts = facts
				}
				if one.facts.kind != KindMissing || !real {
					found = append(found, one)
				}
				if len(found) >= most || len(seen) > maxRegions {
					return found, false
				}
				// The rest of the region is looked through as if it decided alike there.
				c.space.never = append(c.space.never, grown)
				seen = append(seen, grown)
			}
		}
	}
	return found, !c.spent
}

// maxRegions bounds the regions that a comparison goes through.
const maxRegions = 2_000

// minus cuts a box out of regions.
func (c *comparison) minus(regions []box, done box) []box {
	var left []box
	for _, region := range regions {
		if !c.pay(len(region)) || len(left) > maxRegions {
			return append(left, region)
		}
		if !region.intersects(done) {
			left = append(left, region)
			continue
		}
		for axis, set := range done {
			if set == nil || c.of(region, axis).within(set) {
				continue
			}
			in, out := c.split(region, axis, set)
			left = append(left, out)
			region = in
		}
	}
	return left
}

// growSame makes a region as large as it can be with the same two results everywhere.
func (c *comparison) growSame(region box, was, is string, old, new []ruleBox) box {
	same := func(region box) bool {
		left, inside, _ := c.reaching(region, old)
		got, _, ok := c.was.outcomes.resolve(left, inside)
		if c.spent || !ok || got != was {
			return false
		}
		right, inside, _ := c.reaching(region, new)
		got, _, ok = c.is.outcomes.resolve(right, inside)
		return !c.spent && ok && got == is
	}
	region = region.clone()
	for axis := range region {
		if region[axis] == nil {
			continue
		}
		wide := region.clone()
		if wide[axis] = nil; same(wide) {
			region = wide
			continue
		}
		if size := len(c.space.axes[axis].pieces); size > 200 {
			continue
		}
		for i := range c.space.axes[axis].pieces {
			if region[axis].has(i) {
				continue
			}
			wide[axis] = region[axis].or(pieceAt(len(c.space.axes[axis].pieces), i))
			if same(wide) {
				region[axis] = wide[axis]
			}
		}
	}
	return region
}

// example makes facts in a region that the two tables do decide differently.
func (c *comparison) example(region box) (Value, bool) {
	facts, ok := c.maker.find(region, Value{})
	if ok && resultOf(c.old, facts) != resultOf(c.new, facts) {
		return facts, true
	}
	return Value{}, false
}
