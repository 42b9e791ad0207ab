// Package robots carries out an operation of a contract in a web application that has no API, by
// driving a real Chromium: a robot file says what to click and read, a system file says how that
// application is logged in to, which hosts may be reached and how it writes dates and numbers.
//
// The browser is spoken to in the protocol of rod (lib/proto) over a pipe. What
// acts on pages is our own: every target must be found exactly once, be visible, enabled and on top
// before it is touched, what was filled in is read back, and nothing waits for quiet, only for what the
// robot expects, until a hard deadline.
//
// Each request of a page passes a fence: hosts that are not allowed and every request that could change something, but
// for the login and declared reads, are stopped. A robot that writes has one commit, whose one declared request is let
// through once, after its intent is stored; after a doubt find settles what became of it.
package robots
