package rules

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/expr-lang/expr/ast"

	"crosswalk/source"
)

func (c *checker) unary(n *ast.UnaryNode, at span) checked {
	switch n.Operator {
	case "not", "!":
		x := c.condition(n.Node)
		return checked{node: &notNode{x.node, x.at}, t: &Type{Kind: KindBool}, at: at, whenTrue: x.whenFalse, whenFalse: x.whenTrue}
	default:
		x := c.value(n.Node)
		c.expect(x, KindNumber, KindDuration)
		if n.Operator == "+" {
			return checked{node: x.node, t: x.t, at: at, literal: x.literal}
		}
		if x.literal != nil && x.literal.kind == KindNumber {
			return c.literal(Number(x.literal.Num().Neg()), &Type{Kind: KindNumber, Integer: x.t.Integer}, at)
		}
		return checked{node: &negateNode{x.node, at}, t: &Type{Kind: x.t.Kind, Integer: x.t.Integer}, at: at}
	}
}

func (c *checker) binary(n *ast.BinaryNode, at span) checked {
	switch n.Operator {
	case "and", "&&", "or", "||":
		return c.logic(n, at)
	case "??":
		return c.coalesce(n, at)
	case "==", "!=":
		return c.equality(n, at)
	case "<", "<=", ">", ">=":
		return c.ordering(n, at)
	case "in":
		return c.membership(n, at)
	case "contains", "startsWith", "endsWith":
		left, right := c.value(n.Left), c.value(n.Right)
		if left.t.Kind == KindList {
			return c.wrong(at, "write: item in list", "%s looks into a text, not into a list", n.Operator)
		}
		c.expect(left, KindText)
		c.expect(right, KindText)
		return c.operation(left, right, textTest(textTests[n.Operator]), &Type{Kind: KindBool}, at)
	case "matches":
		return c.matches(n, at)
	case "..":
		return c.wrong(at, "compare instead: x >= 1 and x <= 9", "ranges are not part of the expression language")
	}
	if arithmetic[n.Operator] == nil {
		return c.wrong(at, "", "the operator %s is not part of the expression language", n.Operator)
	}
	return c.arithmetic(n, at)
}

func (c *checker) operation(left, right checked, apply applyFunc, t *Type, at span) checked {
	return checked{node: &binaryNode{left: left.node, right: right.node, apply: apply, at: at}, t: t, at: at}
}

func (c *checker) logic(n *ast.BinaryNode, at span) checked {
	or := n.Operator == "or" || n.Operator == "||"
	left := c.condition(n.Left)
	known := left.whenTrue
	if or {
		known = left.whenFalse
	}
	before := c.present
	c.present = before.and(known)
	right := c.condition(n.Right)
	c.present = before
	x := checked{node: &logicNode{left: left.node, right: right.node, or: or, at: at}, t: &Type{Kind: KindBool}, at: at}
	if or {
		x.whenTrue, x.whenFalse = left.whenTrue.or(known.and(right.whenTrue)), left.whenFalse.and(right.whenFalse)
	} else {
		x.whenTrue, x.whenFalse = left.whenTrue.and(right.whenTrue), left.whenFalse.or(known.and(right.whenFalse))
	}
	return x
}

// maybe checks a part whose absence is provided for.
func (c *checker) maybe(n ast.Node) checked {
	before := c.soft
	c.soft = true
	x := c.value(n)
	c.soft = before
	return x
}

func (c *checker) coalesce(n *ast.BinaryNode, at span) checked {
	left, right := c.maybe(n.Left), c.value(n.Right)
	t, ok := join(left.t.AsPresent(), right.t)
	if left.t.Kind == KindMissing {
		t, ok = right.t, true
	}
	if !ok {
		if !c.options.Lenient && left.t != unknown && right.t != unknown {
			c.fail(right.at, conversionHint(left.t, right.t.Kind), "?? needs two values of one kind, found %s and %s", left.t.Kind, right.t.Kind)
		}
		t = TypeOf(KindAny)
	}
	c.checkEnum(left.t, right)
	x := checked{node: &coalesceNode{left.node, right.node}, t: t, at: at}
	if right.literal != nil && right.literal.kind == KindBool {
		if right.literal.Bool() {
			x.whenFalse = prove(left.path)
		} else {
			x.whenTrue = prove(left.path)
		}
	}
	return x
}

func (c *checker) equality(n *ast.BinaryNode, at span) checked {
	equal := n.Operator == "=="
	if isMissing(n.Right) || isMissing(n.Left) {
		side := n.Left
		if isMissing(n.Left) {
			side = n.Right
		}
		x := c.maybe(side)
		result := checked{node: &presentNode{of: x.node, want: !equal}, t: &Type{Kind: KindBool}, at: at}
		if equal {
			result.whenFalse = prove(x.path)
		} else {
			result.whenTrue = prove(x.path)
		}
		return result
	}
	left, right := c.value(n.Left), c.value(n.Right)
	leftUsable, rightUsable := c.usable(left), c.usable(right)
	if leftUsable && rightUsable {
		c.comparable(left, right, at)
	}
	return c.operation(left, right, equality(equal), &Type{Kind: KindBool}, at)
}

func isMissing(n ast.Node) bool {
	if name, ok := n.(*ast.IdentifierNode); ok {
		return name.Value == "missing"
	}
	_, isNil := n.(*ast.NilNode)
	return isNil
}

// comparable reports comparisons that can never be true.
func (c *checker) comparable(left, right checked, at span) {
	switch {
	case left.t.Kind == KindAny || right.t.Kind == KindAny:
	case left.t.Kind != right.t.Kind:
		c.fail(at, comparisonHint(left.t.Kind, right.t.Kind), "cannot compare %s with %s", expectation(left.t), expectation(right.t))
	case left.t.Ref != "" && right.t.Ref != "" && left.t.Ref != right.t.Ref:
		c.fail(at, "records of different systems are matched by links or business keys", "%s is never equal to %s", expectation(left.t), expectation(right.t))
	default:
		c.checkEnum(left.t, right)
		c.checkEnum(right.t, left)
	}
}

// checkEnum reports a literal that is not among the values of the type that it meets.
func (c *checker) checkEnum(t *Type, x checked) {
	if len(t.Enum) == 0 || x.literal == nil || x.literal.kind != t.Kind || t.hasEnum(*x.literal) {
		return
	}
	c.fail(x.at, source.DidYouMean(x.literal.String(), t.enumTexts()), "%s is not one of %s", quoted(x.literal.String()), strings.Join(t.enumTexts(), ", "))
}

func (c *checker) ordering(n *ast.BinaryNode, at span) checked {
	left, right := c.value(n.Left), c.value(n.Right)
	if leftOK, rightOK := c.usable(left), c.usable(right); leftOK && rightOK && left.t.Kind != KindAny && right.t.Kind != KindAny {
		switch {
		case left.t.Kind != right.t.Kind || !ordered(left.t.Kind):
			c.fail(at, comparisonHint(left.t.Kind, right.t.Kind), "cannot order %s and %s", expectation(left.t), expectation(right.t))
		case len(left.t.Enum) > 0 && left.t.Kind == KindText || len(right.t.Enum) > 0 && right.t.Kind == KindText:
			c.fail(at, "use in [ … ]", "the values of a list of choices have no order")
		}
	}
	return c.operation(left, right, ordering(orderTests[n.Operator]), &Type{Kind: KindBool}, at)
}

func (c *checker) membership(n *ast.BinaryNode, at span) checked {
	left := c.value(n.Left)
	if list, ok := n.Right.(*ast.ArrayNode); ok && len(left.t.Enum) > 0 {
		for _, element := range list.Nodes {
			if text, ok := element.(*ast.StringNode); ok {
				c.checkEnum(left.t, c.literal(Text(text.Value), &Type{Kind: KindText}, spanOf(text.Location())))
			}
		}
	}
	right := c.value(n.Right)
	leftOK := c.usable(left)
	switch {
	case right.t.Kind == KindText:
		return c.wrong(at, "write: text contains part", "in looks into a list, not into a text")
	case right.t.Kind == KindRecord:
		return c.wrong(at, "write: record.name != missing", "in looks into a list, not into a record")
	}
	if c.expect(right, KindList) && leftOK && right.t.Items != nil {
		item := right
		item.t, item.literal = right.t.Items.AsPresent(), nil
		c.comparable(left, item, at)
	}
	return c.operation(left, right, membership, &Type{Kind: KindBool}, at)
}

// Bounds on patterns: a counted repeat multiplies the size of the program that Go's engine runs for
// every byte of the text.
const (
	maxPattern = 200
	maxRepeat  = 100
	maxProgram = 1000
)

func (c *checker) matches(n *ast.BinaryNode, at span) checked {
	left, right := c.value(n.Left), c.value(n.Right)
	c.expect(left, KindText)
	if right.literal == nil || right.literal.kind != KindText {
		return c.wrong(right.at, "write it in quotes", "the pattern of matches must be a fixed text")
	}
	pattern, hint, message := compilePattern(right.literal.s)
	if pattern == nil {
		return c.wrong(right.at, hint, "%s", message)
	}
	return checked{node: &matchNode{of: left.node, pattern: pattern, weight: patternWeight(right.literal.s), at: at}, t: &Type{Kind: KindBool}, at: at}
}

func compilePattern(text string) (pattern *regexp.Regexp, hint, message string) {
	if len(text) > maxPattern {
		return nil, "", "the pattern is too long: at most 200 characters"
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, "", "not a valid pattern: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	if programSize(tree) > maxProgram {
		return nil, "use smaller counts in {…}", "the pattern repeats too much"
	}
	compiled, err := regexp.Compile(text)
	if err != nil {
		return nil, "", "not a valid pattern: " + err.Error()
	}
	return compiled, "", ""
}

// patternWeight is in how many places at once Go's engine may have to try a pattern: each repetition is one.
func patternWeight(text string) int {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return maxProgram
	}
	return repetitions(tree)
}

func repetitions(tree *syntax.Regexp) int {
	count := 0
	for _, sub := range tree.Sub {
		count += repetitions(sub)
	}
	switch tree.Op {
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		count++
	case syntax.OpRepeat:
		count = (count + 1) * max(tree.Min, tree.Max, 1)
	}
	return min(count, maxProgram)
}

// patternSteps is what it costs to run a pattern on a text of so many bytes: those with few repetitions pay by the byte.
func patternSteps(weight, bytes int) int { return 1 + bytes*(1+weight/4) }

// programSize estimates how large the program of a pattern is once its counted repeats are written out.
func programSize(tree *syntax.Regexp) int {
	size := 1 + len(tree.Rune)
	for _, sub := range tree.Sub {
		size += programSize(sub)
	}
	if tree.Op == syntax.OpRepeat {
		if times := max(tree.Min, tree.Max); times >= maxRepeat {
			return maxProgram + 1
		} else if times > 1 {
			size *= times
		}
	}
	return min(size, maxProgram+1)
}

func (c *checker) arithmetic(n *ast.BinaryNode, at span) checked {
	left, right := c.value(n.Left), c.value(n.Right)
	t := unknown
	leftOK, rightOK := c.usable(left), c.usable(right)
	if leftOK && rightOK {
		if left.t.Kind == KindAny || right.t.Kind == KindAny {
			t = TypeOf(KindAny)
		} else if kind := calculationKind(n.Operator, left.t.Kind, right.t.Kind); kind != KindMissing {
			t = &Type{Kind: kind, Integer: left.t.Integer && right.t.Integer && strings.Contains("+-*%", n.Operator)}
		} else {
			c.fail(at, calculationHint(n.Operator, left.t.Kind, right.t.Kind), "%s does not work on %s and %s", n.Operator, expectation(left.t), expectation(right.t))
		}
	}
	return c.operation(left, right, calculation(n.Operator), t, at)
}

// calculationKind is the kind of what an operator makes of two kinds; KindMissing if it does not work.
func calculationKind(operator string, a, b Kind) Kind {
	moment := func(kind Kind) bool { return kind == KindDate || kind == KindInstant || kind == KindDuration }
	switch {
	case a == KindNumber && b == KindNumber:
		return KindNumber
	case operator == "+" && a == KindText && b == KindText:
		return KindText
	case (operator == "+" || operator == "-") && b == KindDuration && moment(a):
		return a
	case operator == "+" && a == KindDuration && moment(b):
		return b
	case operator == "-" && a == KindInstant && b == KindInstant:
		return KindDuration
	default:
		return KindMissing
	}
}
