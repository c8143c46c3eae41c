// Package kpi computes the indicators of a receivables portfolio at a day
// (AsOf) from the extracted lake: aging, DSO, CEI, roll rates, cure, promises,
// recovery, cost, default rate and coverage, month by month where that says
// more. docs/INDICATORS.md holds every formula with its table, its edge cases
// and its Portuguese name.
//
// Conventions, the same for every figure:
//
//   - what is known at AsOf is what happened strictly before midnight UTC at
//     its start, as in package features;
//   - an invoice is open at t from its issue until it is paid in full or
//     cancelled; its balance is its amount less the payments before t, never
//     below zero (an overpayment is no one else's discount);
//   - DaysPastDue = t − due date; an invoice due on t itself is still current;
//   - months are windows that end at AsOf, so that the last one is whole: when
//     AsOf is the first of a month they are calendar months;
//   - a figure whose divisor is zero, or for which the lake has no data, is
//     absent (nil, null in JSON): neither 0 nor NaN.
//
// All sums are integers computed in SQL, so that a figure depends neither on
// the number of threads nor on the order of rows; the few divisions are done
// here, once, in Go.
package kpi
