// Package features turns what was known about a customer before a day (AsOf)
// into numbers, and what happened after it into labels.
//
// The governing invariant: a feature of the decision point (customer, AsOf)
// is a function of events strictly before midnight UTC at the start of AsOf.
// Moving, adding or removing any event at or after that instant changes no
// feature. Labels read only the window [AsOf, AsOf + HorizonDays).
//
// Everything here is pure Go and works on one customer's [History] at a time,
// so that the same functions run in a goroutine or on a distributed worker.
package features
