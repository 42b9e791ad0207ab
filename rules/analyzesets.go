package rules

import "math/bits"

// pieceSet is a set of pieces of an axis.
type pieceSet []uint64

func newPieceSet(size int) pieceSet { return make(pieceSet, (size+63)/64) }

func fullPieceSet(size int) pieceSet {
	s := newPieceSet(size)
	for i := range size {
		s.add(i)
	}
	return s
}

func (s pieceSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s pieceSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s pieceSet) empty() bool {
	for _, word := range s {
		if word != 0 {
			return false
		}
	}
	return true
}

func (s pieceSet) intersects(t pieceSet) bool {
	for i, word := range s {
		if word&t[i] != 0 {
			return true
		}
	}
	return false
}

// within says whether all of s is in t.
func (s pieceSet) within(t pieceSet) bool {
	for i, word := range s {
		if word&^t[i] != 0 {
			return false
		}
	}
	return true
}

func (s pieceSet) and(t pieceSet) pieceSet {
	result := make(pieceSet, len(s))
	for i, word := range s {
		result[i] = word & t[i]
	}
	return result
}

func (s pieceSet) or(t pieceSet) pieceSet {
	result := make(pieceSet, len(s))
	for i, word := range s {
		result[i] = word | t[i]
	}
	return result
}

func (s pieceSet) without(t pieceSet) pieceSet {
	result := make(pieceSet, len(s))
	for i, word := range s {
		result[i] = word &^ t[i]
	}
	return result
}

func (s pieceSet) equal(t pieceSet) bool {
	for i, word := range s {
		if word != t[i] {
			return false
		}
	}
	return true
}

func (s pieceSet) count() int {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// each calls visit with the members in order until it says that it has enough.
func (s pieceSet) each(visit func(i int) (enough bool)) {
	for at, word := range s {
		for word != 0 {
			if visit(at*64 + bits.TrailingZeros64(word)) {
				return
			}
			word &= word - 1
		}
	}
}

// box is a set of facts: for every axis the pieces that are in it. nil stands for all pieces of an axis.
type box []pieceSet

func (b box) intersects(c box) bool {
	for i, set := range b {
		if set != nil && c[i] != nil && !set.intersects(c[i]) {
			return false
		}
	}
	return true
}

func (b box) clone() box { return append(box(nil), b...) }

// and is what both have; nil, false if that is nothing.
func (b box) and(c box) (box, bool) {
	result := b.clone()
	for i, set := range c {
		switch {
		case set == nil:
		case result[i] == nil:
			result[i] = set
		default:
			if result[i] = result[i].and(set); result[i].empty() {
				return nil, false
			}
		}
	}
	return result, true
}

// outside counts the axes on which b reaches beyond c; -1 if the two have nothing in common. It returns one of the axes.
func (b box) outside(c box, sizes []pieceSet) (count, axis int) {
	axis = -1
	for i, set := range c {
		if set == nil {
			continue
		}
		of := b[i]
		if of == nil {
			of = sizes[i]
		}
		if !of.intersects(set) {
			return -1, i
		}
		if !of.within(set) {
			count++
			axis = i
		}
	}
	return count, axis
}
