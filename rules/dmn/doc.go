// Package dmn takes decisions out of DMN models (versions 1.2 to 1.5): decision tables, chains of them, and the simple
// expressions between them become rule tables in our own language. What a table cannot say is refused with its place in
// the model; nothing is left out silently.
package dmn
