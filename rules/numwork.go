package rules

import (
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// A step of work stands for half a microsecond at most. Calculations with numbers of up to 18 digits take no longer than
// that; those with more digits, or with exponents that are far apart, pay for what they take beyond it before they begin.
const (
	longSum       = 2
	longProduct   = 2
	longQuotient  = 3
	longRemainder = 4
	longText      = 2
	longRounding  = 1
)

// long says whether a number has more digits than an int64.
func (n Num) long() bool { return n.big != nil }

// apart says whether two numbers need more than 18 digits to be brought to one exponent.
func (n Num) apart(m Num) bool {
	if n.Sign() == 0 || m.Sign() == 0 {
		return false
	}
	distance := n.lastExponent() - m.lastExponent()
	return n.long() || m.long() || distance > 18 || distance < -18
}

// lastExponent is the decimal exponent of the last digit.
func (n Num) lastExponent() int64 {
	if n.big != nil {
		return int64(n.big.Exponent)
	}
	return int64(n.exponent)
}

// calculationSteps is what a calculation costs beyond its one step.
func calculationSteps(operator string, n, m Num) int {
	switch operator {
	case "+", "-":
		return extra(n.apart(m), longSum)
	case "*":
		return extra(n.long() || m.long(), longProduct)
	case "/":
		return extra(n.long() || m.long(), longQuotient)
	case "%":
		return extra(n.apart(m), longRemainder)
	}
	return powerSteps(n, m)
}

func extra(needed bool, steps int) int {
	if needed {
		return steps
	}
	return 0
}

// powerSteps goes through the multiplications of Num.Pow and counts those of many digits.
func powerSteps(n, m Num) int {
	exponent, ok := m.Int64()
	if !ok || exponent > maxMagnitude || exponent < -maxMagnitude || n.big == nil && magnitude(n.coefficient) <= 1 {
		return 0 // it is refused, or a power of ten
	}
	steps, result, base := 0, int64(0), n.topExponent()-n.lastExponent()+1
	if exponent < 0 {
		steps, exponent = longQuotient, -exponent
	}
	for ; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			if result = min(result+base, int64(decimal128.Precision)); result > 18 {
				steps += 2 * longProduct
			}
		}
		if base = min(2*base, int64(decimal128.Precision)); base > 18 && exponent > 1 {
			steps += 2 * longProduct
		}
	}
	return extra(steps > longQuotient, steps)
}

// readingSteps is what it costs to read a number that is written with so many characters.
func readingSteps(characters int) int { return characters / 20 }

// unreadable looks at a number as it is written, before work is done that grows with its digits or its exponent.
func unreadable(text string) (zero bool, err error) {
	mantissa, exponent := text, ""
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		mantissa, exponent = text[:at], strings.TrimLeft(text[at+1:], "+-")
	}
	digits := strings.TrimLeft(strings.Replace(strings.TrimPrefix(mantissa, "-"), ".", "", 1), "0")
	switch {
	case digits == "":
		return true, nil
	case len(digits) > 2000:
		return false, errTooManyDigits
	case len(strings.TrimLeft(exponent, "0")) > 6:
		return false, errTooLarge
	}
	return false, nil
}

// tens are the powers of ten by which reduce divides, the largest first.
var tens = func() (p [11]apd.BigInt) {
	ten := apd.NewBigInt(10)
	for i := range p {
		p[i].Exp(ten, apd.NewBigInt(1<<(len(p)-1-i)), nil)
	}
	return p
}()

// reduce takes the zeros off the end of a coefficient of at most 2,000 digits, by halves: one division each is too slow.
func reduce(d *apd.Decimal) {
	var quotient, rest apd.BigInt
	for i := range tens {
		if d.Coeff.IsUint64() {
			break
		}
		if zeros := 1 << (len(tens) - 1 - i); d.NumDigits() > int64(zeros) {
			if quotient.QuoRem(&d.Coeff, &tens[i], &rest); rest.Sign() == 0 {
				d.Coeff.Set(&quotient)
				d.Exponent += int32(zeros)
			}
		}
	}
	if d.Coeff.IsUint64() {
		d.Reduce(d)
	}
}

// topExponent is the decimal exponent of the first digit.
func (n Num) topExponent() int64 {
	if n.big != nil {
		return int64(n.big.Exponent) + n.big.NumDigits() - 1
	}
	digits := int64(1)
	for c := magnitude(n.coefficient); c >= 10; c /= 10 {
		digits++
	}
	return int64(n.exponent) + digits - 1
}
