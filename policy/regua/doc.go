// Package regua holds the user's own réguas de cobrança: who is captured, which
// steps follow which dates, and how they stand beside the recommendation. A
// régua is what a person writes; what it asks of one customer becomes touches of
// a plan like any other, under the same law ([policy.Engine]) and from the same
// wallet.
//
// The governing invariants: a régua that was published is never changed, only
// followed by a later version; its publisher is not its author; and no
// expression in it can fail a run, hang it, or see more than the columns of
// [Columns].
//
// Days are calendar days where the customer lives. Nothing here reads a clock.
package regua
