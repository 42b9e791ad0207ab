// Package rules holds the values that cross the product, their types, the expression language and the
// decision tables. It is pure: it reads no clock, no file and no environment, and knows no Temporal.
package rules
