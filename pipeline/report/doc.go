// Package report turns the results of a run, given as plain structs, into what
// people read: one self-contained HTML page with pictures, a terminal summary,
// and the same figures as JSON.
//
// [Data] is the whole input. A section whose part of Data is nil or empty says
// what is missing and which command brings it. The output is a function of
// Data and the language alone: no clock, no map order, no network.
package report
