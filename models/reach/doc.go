// Package reach tells from what happened to touches how likely one arrives, how
// likely it is opened when it is sent at an hour, and which hour of those that
// are allowed is best.
//
// Everything is pooled in steps, customer → segment → all: a share of few cases
// is drawn to that of the level above by as many cases as its prior counts
// (Beta-binomial), so that a customer without history is as his segment and a
// segment without history as everybody. Hours are pooled by habit: a few groups
// of people who open at like hours are found, whose shares differ by segment,
// and what a customer opened tells his group.
//
// When somebody opens is taken as a habit of his: a distribution over the hours
// of his day, H(h). A message sent at hour s is opened at the first hour of the
// habit after it; it counts as opened in time where that is within ReadHours:
//
//	P(opened in time | s) = P(delivered) · P(opened) · fatigue · Σ H(h), h = s … s + ReadHours − 1
//
// Hours are local to the customer, 0 to 23. A [Model] is safe for concurrent use
// once made.
package reach
