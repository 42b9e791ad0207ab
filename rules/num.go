package rules

import (
	"errors"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Num is an immutable decimal number with up to 34 significant digits, rounded half to even where more
// would be needed (decimal128). The zero value is 0. Equal numbers have equal representations: 1.0 and
// 1.00 are both 1, and there is no -0, no NaN and no infinity.
//
// Small numbers, which is nearly all, live in an int64 and cost no memory; the others are apd decimals.
type Num struct {
	coefficient int64
	exponent    int32
	big         *apd.Decimal // only if the coefficient does not fit; reduced, never changed
}

// maxMagnitude bounds the decimal exponent of any number, so that printing one cannot cost much.
const maxMagnitude = 999

var decimal128 = apd.Context{
	Precision: 34, Rounding: apd.RoundHalfEven,
	MaxExponent: maxMagnitude, MinExponent: -maxMagnitude, Traps: apd.DefaultTraps,
}

var (
	errDivisionByZero = errors.New("division by zero")
	errTooLarge       = errors.New("the number is too large or too small (limit: 1e999)")
	errNotANumber     = errors.New("not a number")
	errTooManyDigits  = errors.New("the number has more than 34 digits")
	errFraction       = errors.New("the exponent must be a whole number between -999 and 999")
)

// Int is the number with the given whole value.
func Int(i int64) Num { return small(i, 0) }

// ParseNum reads a decimal such as 12, -0.50 or 1e3. More than 34 significant digits are refused rather
// than rounded: what cannot be kept exactly is usually an identifier and must come as text.
func ParseNum(text string) (Num, error) {
	if !plainNumber(text) {
		return Num{}, errNotANumber
	}
	if n, ok := parseSmall(text); ok {
		return n, nil
	}
	if zero, err := unreadable(text); zero || err != nil {
		return Num{}, err
	}
	var d apd.Decimal
	if _, _, err := d.SetString(text); err != nil || d.Form != apd.Finite {
		return Num{}, errTooLarge
	}
	reduce(&d)
	if d.NumDigits() > int64(decimal128.Precision) {
		return Num{}, errTooManyDigits
	}
	return fromDecimal(&d)
}

// plainNumber accepts the number grammar of JSON, plus leading zeros and a leading or trailing point.
func plainNumber(text string) bool {
	s := strings.TrimPrefix(text, "-")
	digits, point := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && !point:
			point = true
		case (c == 'e' || c == 'E') && digits > 0:
			e := s[i+1:]
			if len(e) > 0 && (e[0] == '+' || e[0] == '-') {
				e = e[1:]
			}
			return len(e) > 0 && strings.Trim(e, "0123456789") == ""
		default:
			return false
		}
	}
	return digits > 0
}

// parseSmall reads what fits in an int64 without an exponent part.
func parseSmall(text string) (Num, bool) {
	if len(text) > 18 {
		return Num{}, false
	}
	var c int64
	var e int32
	s := strings.TrimPrefix(text, "-")
	point := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '.':
			point = true
		case s[i] == 'e' || s[i] == 'E':
			return Num{}, false
		default:
			c = c*10 + int64(s[i]-'0')
			if point {
				e--
			}
		}
	}
	if len(s) < len(text) {
		c = -c
	}
	return small(c, e), true
}

// small makes the reduced number c·10^e.
func small(c int64, e int32) Num {
	if c == 0 {
		return Num{}
	}
	for c%10 == 0 {
		c /= 10
		e++
	}
	return Num{coefficient: c, exponent: e}
}

// fromDecimal takes over d, which must not be used afterwards.
func fromDecimal(d *apd.Decimal) (Num, error) {
	if d.Form != apd.Finite {
		return Num{}, errTooLarge
	}
	reduce(d)
	if d.IsZero() {
		return Num{}, nil
	}
	if magnitude := int64(d.Exponent) + d.NumDigits() - 1; magnitude > maxMagnitude || magnitude < -maxMagnitude {
		return Num{}, errTooLarge
	}
	if d.Coeff.IsInt64() {
		c := d.Coeff.Int64()
		if d.Negative {
			c = -c
		}
		return Num{coefficient: c, exponent: d.Exponent}, nil
	}
	return Num{big: d}, nil
}

func (n Num) decimal() *apd.Decimal {
	if n.big != nil {
		return n.big
	}
	return apd.New(n.coefficient, n.exponent)
}

// inExactRange says whether both numbers are so small that sums and products need no look at the limits.
func inExactRange(a, b Num) bool {
	const most = 400
	return a.big == nil && b.big == nil && a.exponent < most && a.exponent > -most && b.exponent < most && b.exponent > -most
}

// Add returns n + m.
func (n Num) Add(m Num) (Num, error) {
	if inExactRange(n, m) {
		if a, b, e, ok := align(n, m); ok {
			if sum := a + b; (sum > a) == (b > 0) {
				return small(sum, e), nil
			}
		}
	}
	switch distance := n.topExponent() - m.topExponent(); { // beyond this the smaller one is far below half of the last digit
	case n.Sign() == 0 || m.Sign() == 0:
	case distance > int64(decimal128.Precision)+2:
		return n, nil
	case distance < -int64(decimal128.Precision)-2:
		return m, nil
	}
	return n.slow(m, decimal128.Add)
}

// Sub returns n - m.
func (n Num) Sub(m Num) (Num, error) { return n.Add(m.Neg()) }

// Mul returns n · m.
func (n Num) Mul(m Num) (Num, error) {
	if inExactRange(n, m) {
		if p, ok := multiply(n.coefficient, m.coefficient); ok {
			return small(p, n.exponent+m.exponent), nil
		}
	}
	return n.slow(m, decimal128.Mul)
}

// Quo returns n / m, to 34 digits.
func (n Num) Quo(m Num) (Num, error) {
	if m.Sign() == 0 {
		return Num{}, errDivisionByZero
	}
	return n.slow(m, decimal128.Quo)
}

// Rem returns the remainder of n / m with the sign of n.
func (n Num) Rem(m Num) (Num, error) {
	if m.Sign() == 0 {
		return Num{}, errDivisionByZero
	}
	switch distance := n.topExponent() - m.topExponent(); {
	case n.Sign() == 0 || distance < 0:
		return n, nil
	case distance > int64(decimal128.Precision): // so many digits has the whole part of n / m
		return Num{}, errTooLarge
	}
	return n.slow(m, decimal128.Rem)
}

// Pow returns n to the power of m, which must be whole and at most 999.
func (n Num) Pow(m Num) (Num, error) {
	exponent, ok := m.Int64()
	if !ok || exponent > maxMagnitude || exponent < -maxMagnitude {
		return Num{}, errFraction
	}
	if exponent < 0 {
		p, err := n.Pow(Int(-exponent))
		if err != nil {
			return Num{}, err
		}
		return Int(1).Quo(p)
	}
	result, base := Int(1), n
	for {
		var err error
		if exponent&1 == 1 {
			if result, err = result.Mul(base); err != nil {
				return Num{}, err
			}
		}
		if exponent >>= 1; exponent == 0 {
			return result, nil
		}
		if base, err = base.Mul(base); err != nil {
			return Num{}, err
		}
	}
}

func (n Num) slow(m Num, operation func(d, x, y *apd.Decimal) (apd.Condition, error)) (Num, error) {
	var d apd.Decimal
	if _, err := operation(&d, n.decimal(), m.decimal()); err != nil {
		return Num{}, errTooLarge
	}
	return fromDecimal(&d)
}

// Neg returns -n.
func (n Num) Neg() Num {
	if n.big == nil && n.coefficient != math.MinInt64 {
		return Num{coefficient: -n.coefficient, exponent: n.exponent}
	}
	var d apd.Decimal
	d.Neg(n.decimal())
	negated, _ := fromDecimal(&d) // of the same magnitude, so it cannot be too large
	return negated
}

// Abs returns |n|.
func (n Num) Abs() Num {
	if n.Sign() < 0 {
		return n.Neg()
	}
	return n
}

// Sign is -1, 0 or 1.
func (n Num) Sign() int {
	switch {
	case n.big != nil:
		return n.big.Sign()
	case n.coefficient < 0:
		return -1
	case n.coefficient > 0:
		return 1
	default:
		return 0
	}
}

// Cmp is -1, 0 or 1 as n is less than, equal to or greater than m.
func (n Num) Cmp(m Num) int {
	if n.big == nil && m.big == nil {
		if n.exponent == m.exponent {
			return compare(n.coefficient, m.coefficient)
		}
		if a, b, _, ok := align(n, m); ok {
			return compare(a, b)
		}
	}
	return n.decimal().Cmp(m.decimal())
}

// Equal says whether the numbers are the same.
func (n Num) Equal(m Num) bool {
	if n.big == nil && m.big == nil {
		return n.coefficient == m.coefficient && n.exponent == m.exponent
	}
	return n.Cmp(m) == 0
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// Int64 returns the number as an int64 if it is whole and fits.
func (n Num) Int64() (int64, bool) {
	if n.big != nil || n.exponent < 0 || n.exponent > 18 {
		return 0, false
	}
	return multiply(n.coefficient, powers[n.exponent])
}

// IsInt says whether the number is whole.
func (n Num) IsInt() bool {
	if n.big != nil {
		return n.big.Exponent >= 0
	}
	return n.exponent >= 0
}

// Round returns the number with the given count of decimals (negative: tens, hundreds …), halves away
// from zero, as people and tax offices do it.
func (n Num) Round(places int32) (Num, error) { return n.quantize(places, apd.RoundHalfUp) }

// Floor returns the largest whole number that is not greater.
func (n Num) Floor() (Num, error) {
	whole, err := n.quantize(0, apd.RoundFloor)
	if err == nil && whole.Cmp(n) > 0 { // apd makes 0 of -0.05
		return whole.Sub(Int(1))
	}
	return whole, err
}

// Ceil returns the smallest whole number that is not less.
func (n Num) Ceil() (Num, error) {
	whole, err := n.quantize(0, apd.RoundCeiling)
	if err == nil && whole.Cmp(n) < 0 { // apd makes 0 of 0.05
		return whole.Add(Int(1))
	}
	return whole, err
}

func (n Num) quantize(places int32, rounding apd.Rounder) (Num, error) {
	if n.big == nil && n.exponent >= -places || n.big != nil && n.big.Exponent >= -places {
		return n, nil
	}
	context := decimal128
	context.Rounding = rounding
	context.Precision = 3 * maxMagnitude
	var d apd.Decimal
	if _, err := context.Quantize(&d, n.decimal(), -places); err != nil {
		return Num{}, errTooLarge
	}
	return fromDecimal(&d)
}

var powers = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// align brings two small numbers to one exponent, if that fits.
func align(n, m Num) (a, b int64, e int32, ok bool) {
	a, b, e = n.coefficient, m.coefficient, n.exponent
	switch {
	case a == 0:
		return 0, b, m.exponent, true
	case b == 0 || n.exponent == m.exponent:
		return a, b, e, true
	case n.exponent > m.exponent:
		if n.exponent-m.exponent > 18 {
			return 0, 0, 0, false
		}
		a, ok = multiply(a, powers[n.exponent-m.exponent])
		return a, b, m.exponent, ok
	default:
		if m.exponent-n.exponent > 18 {
			return 0, 0, 0, false
		}
		b, ok = multiply(b, powers[m.exponent-n.exponent])
		return a, b, e, ok
	}
}

func multiply(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return uint64(-(a + 1)) + 1
	}
	return uint64(a)
}

// String is the shortest exact form: plain digits, or with an exponent if it has more than 40 digits.
func (n Num) String() string { return string(n.append(nil)) }

// appendFraction writes a small number with up to 18 decimals.
func (n Num) appendFraction(b []byte) []byte {
	if n.coefficient < 0 {
		b = append(b, '-')
	}
	var all [20]byte
	digits, places := strconv.AppendUint(all[:0], magnitude(n.coefficient), 10), int(-n.exponent)
	if len(digits) > places {
		b = append(append(b, digits[:len(digits)-places]...), '.')
		return append(b, digits[len(digits)-places:]...)
	}
	b = append(b, "0."...)
	for range places - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}

func (n Num) append(b []byte) []byte {
	switch {
	case n.big != nil:
	case n.exponent >= 0 && n.exponent <= 18:
		if whole, ok := multiply(n.coefficient, powers[n.exponent]); ok {
			return strconv.AppendInt(b, whole, 10)
		}
	case n.exponent < 0 && n.exponent >= -18:
		return n.appendFraction(b)
	}
	d := n.decimal()
	if magnitude := int64(d.Exponent) + d.NumDigits() - 1; magnitude > 40 || magnitude < -40 {
		return append(b, strings.ToLower(d.Text('E'))...)
	}
	return append(b, d.Text('f')...)
}
