package rules

import (
	"math"
	"slices"
)

// partition fixes the classes. It returns false, with one class for everything, if there would be too many.
func (c *columnIndex) partition(literals []Value, most int) bool {
	switch c.kind {
	case KindBool:
		c.count = 2
	case KindText:
		c.texts = map[string]int{}
		for _, literal := range literals {
			if _, seen := c.texts[literal.s]; !seen {
				c.texts[literal.s] = len(c.texts)
			}
		}
		c.count = len(c.texts) + 1
		if len(c.texts) <= maxFew {
			c.few = make([]string, len(c.texts))
			for text, class := range c.texts {
				c.few[class] = text
			}
		}
	case KindNumber, KindDate, KindDuration:
		slices.SortFunc(literals, Value.order)
		c.bounds = slices.CompactFunc(literals, Value.Equal)
		c.count = 2*len(c.bounds) + 1
		c.scale()
	default:
		c.count = 1 // all values that are there
	}
	if c.count <= most {
		return true
	}
	c.kind, c.count, c.texts, c.few, c.bounds, c.scaled = KindAny, 1, nil, nil, nil, nil
	return false
}

// maxFew is how many texts are looked at one by one.
const maxFew = 8

// scale brings all bounds to one power of ten, so that they are compared as whole numbers.
func (c *columnIndex) scale() {
	c.exponent = math.MaxInt32
	for i := range c.bounds {
		if c.bounds[i].n != 0 { // 0 has every exponent
			c.exponent = min(c.exponent, c.bounds[i].e)
		}
	}
	if c.exponent == math.MaxInt32 {
		c.exponent = 0
	}
	scaled := make([]int64, len(c.bounds))
	for i := range c.bounds {
		b := &c.bounds[i]
		if b.p != nil || b.n != 0 && b.e-c.exponent > 18 {
			return
		}
		if b.n == 0 {
			continue
		}
		var ok bool
		if scaled[i], ok = multiply(b.n, powers[b.e-c.exponent]); !ok {
			return
		}
	}
	c.scaled = scaled
}

// classOf is the class of a value of the column's kind.
func (c *columnIndex) classOf(v *Value) int {
	switch c.kind {
	case KindBool:
		return int(v.n)
	case KindText:
		return c.classOfText(v.s)
	}
	if c.scaled != nil && v.p == nil {
		if class := c.classOfScaled(v); class >= 0 {
			return class
		}
	}
	low, high := 0, len(c.bounds)
	for low < high {
		middle := (low + high) / 2
		switch order := c.bounds[middle].order(*v); {
		case order == 0:
			return 2*middle + 1
		case order < 0:
			low = middle + 1
		default:
			high = middle
		}
	}
	return 2 * low
}

func (c *columnIndex) classOfText(s string) int {
	if c.few == nil {
		if class, named := c.texts[s]; named {
			return class
		}
		return len(c.texts)
	}
	for i, text := range c.few {
		if len(text) == len(s) && (len(s) == 0 || text[0] == s[0] && text == s) {
			return i
		}
	}
	return len(c.few)
}

// classOfScaled is classOf for numbers near enough to the bounds; -1 for others.
func (c *columnIndex) classOfScaled(v *Value) int {
	n := v.n
	switch shift := int64(v.e) - int64(c.exponent); {
	case shift == 0 || n == 0:
	case shift > 0 && shift <= 9 && n == int64(int32(n)): // the product fits
		n *= powers[shift]
	case shift < 0 && shift >= -18: // between two multiples of the power, as it would have fewer digits else
		n /= powers[-shift]
		if v.n > 0 {
			n++
		}
		return 2 * countBelow(c.scaled, n)
	default:
		return -1
	}
	low := countBelow(c.scaled, n)
	if low < len(c.scaled) && c.scaled[low] == n {
		return 2*low + 1
	}
	return 2 * low
}

// countBelow counts the bounds, which ascend, that are less than n.
func countBelow(bounds []int64, n int64) int {
	low, left := 0, len(bounds)
	for left > 0 { // without branches: which way it goes cannot be foreseen
		half := (left + 1) / 2
		next := low
		if bounds[low+half-1] < n {
			next = low + half
		}
		low = next
		left -= half
	}
	return low
}
