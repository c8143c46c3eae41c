// Package cashflow forecasts receipts: what will be paid on each day and in
// each week to come, by segment, with intervals.
//
// An open invoice is paid on day d with probability
//
//	p(d) = h[days past due][pace] · a[stage][amount] · w[kind][weekday] · m[kind][phase of the month]
//
// (a discrete-time hazard, fitted in turns on invoice-days of the last year;
// few data are drawn to the margins). Pace is the customer's own: payments over
// what the portfolio's hazard expected of him before the invoice was issued.
// What is not issued yet is what was issued in the last weeks, on the days of
// the week and month on which it is usual. Everything counts as it was done in
// the past: contacts of the kind that used to be made are in the hazard.
//
// Intervals are not those of the coin tosses alone: the model is fitted again
// at past origins, each knowing what was known then, and its errors, divided by
// the spread that tosses and an uncertain level give, set the bounds (conformal
// prediction with scaled residuals; Vovk et al. 2005). The same errors correct
// the level. Money is in cents.
package cashflow
