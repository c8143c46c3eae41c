// Package segments puts every customer into one named segment by credit
// history, payment history, purchase value and frequency: for reports,
// policies and constraints, whose readers must be able to say why somebody is
// where he is. So segments are rules over four figures, not clusters.
//
// A segment is made on the first day of a month, from what was known before it,
// and holds for the month. Each rule has two bounds: a strict one to enter and a
// loose one to stay (hysteresis), so that a customer near a bound does not go to
// and fro. What is high, frequent or punctual is a quantile of the portfolio,
// by kind of customer, rounded to a figure that people can keep in mind; cut
// points of value and frequency are looked at each January and moved only where
// they are off by more than a tenth; what is punctual stays. [Key.Describe] states
// the loose bounds, which are true of every member.
//
// A month's segments follow from the lake alone: [Walk] goes through a
// customer's months from his first invoice on. Money is in cents, shares lie in
// [0, 1]. A model of this package is safe for concurrent use once made.
package segments
