// Package clp solves linear programs with COIN-OR CLP. It is the reference
// solver of package optimizer and the code that its Boxstep is handed for
// reduced linear programs.
//
// [Solver] speaks to CLP's C interface and holds programs open: a session is
// changed and solved again from its basis. What that interface lacks (a stop
// from outside, work areas kept, no exception out) is watch.cc. CLP asks the
// watch once an iteration, so the end of a context ends the work within an
// iteration, in presolve and barrier too, and no time limit, which CLP counts
// in CPU seconds of the whole process, is in play.
//
// [Reference] takes the same programs through github.com/lanl/clp, which solves
// cold and cannot be stopped; the tests compare the two.
//
// CLP minimises; we maximise. The objective is negated on the way in and the
// row duals on the way out, so that prices have the signs of package
// optimizer. CLP's feasibility tolerances are 1e-7 in its scaled space unless
// the Solver says otherwise; callers recompute objective and bound themselves.
//
// Slices are lent to C for single calls that copy them; a model is freed by the
// session's Close. The binding of Reference frees C memory by finalizers and
// holds no reference while C reads it: it keeps its objects alive until the
// results are copied.
package clp
