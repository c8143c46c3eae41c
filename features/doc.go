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
//
// The way through: [Histories] reads customers from the lake, [NewHistory]
// sorts one and derives what its decision points share; [Decisions] finds the
// points; [History.Label] reads what followed; a [Computer] fills rows of the
// [Dictionary] (docs/FEATURES.md) and appends them to a [Frame], which
// [WriteTraining] and [WriteScoring] keep as Parquet. What is learned from the
// whole portfolio, codes of categories and the [Baseline] of payment, is a
// [Vocabulary]; it belongs to the model that was trained with it.
package features
