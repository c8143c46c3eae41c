// Package clp solves linear programs with COIN-OR CLP through
// github.com/lanl/clp. It is the reference solver of package optimizer and the
// code that its Boxstep is handed for reduced linear programs.
//
// CLP minimises; we maximise. The objective is negated on the way in and the
// row duals on the way out, so that prices have the signs of package
// optimizer. CLP's feasibility tolerances are 1e-7 in its scaled space; callers
// recompute objective and bound themselves.
//
// The binding frees C memory by finalizers and holds no reference while C
// reads it: every call here keeps its objects alive until the results are
// copied.
package clp
