// Package rules holds the values that cross the product, their types, the expression language and the
// decision tables. It is pure: it reads no clock, no file and no environment, and knows no Temporal.
//
// # Expressions
//
// The language is that of expr-lang/expr, in a restricted profile: expr's lexer and parser read it, so
// that syntax, precedence and what people know of it are the same. Checking and evaluation are our own,
// over expr's syntax tree, and not expr's checker, optimizer and virtual machine, for these reasons:
//
//   - All numbers are decimals. In expr, literals have been through int64 and float64 before a patcher
//     sees them, operators on own types must be overloaded pair by pair, and in and == on lists fall back
//     to reflect.DeepEqual, for which 1.0 and 1.00 differ. Here numbers are read from the text.
//   - The types know optional, enum, ids and business records, and what a condition proves to be there.
//     expr has none of these, and reports only the first error.
//   - Work and memory are counted in every node. expr's virtual machine has a budget for some of its
//     operations, none for texts and loops, and can be given fuel only with the optimizer switched off.
//   - No evaluation can panic, differ between machines or depend on the order of a map, because no node
//     exists that could. With expr this rests on disabling what it offers, and its predicates cannot be
//     disabled.
//   - The nodes are faster than the virtual machine with such operators: nothing is boxed.
//
// An Environment holds the types of the variables; Compile checks and returns an Expression, which may be
// used by many goroutines. CompileTemplate does the same for a YAML tree with ${…} in it.
//
// docs/expressions.md has every function, limit and closed hazard; a test runs its examples.
package rules
