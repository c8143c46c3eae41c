// Package optimizer allocates a prepaid budget: it chooses for each customer
// one option (a touch on a channel on a day) or hold, so that the expected
// additional recovery is largest within the rows of the problem.
//
//	maximise   Σ_i Σ_j  v_ij x_ij
//	subject to Σ_j x_ij ≤ 1                    each customer i
//	           Σ_ij a_rij x_ij ≤ b_r           each row r (≥ for minimum rows)
//	           x ≥ 0
//
// Signs: we maximise, so the DualPrice of a ≤ row is ≥ 0 and that of a ≥ row
// is ≤ 0; ReducedCost = value − Σ_r DualPrice_r × use_r. Money is in cents,
// held as float64 inside the problem and rounded back by data.RoundCents.
//
// A [Problem] is built from candidates and rows ([Problem.BudgetRow],
// [Problem.CapacityRows], …), checked by [Problem.Validate] and solved by a
// [Solver]: the whole linear program ([FullLP]) or [Boxstep], which prices the
// rows and leaves only the undecided customers to a small linear program. Both
// are handed the code that solves a plain [LP]; optimizer/clp is that code, so
// this package stays pure Go. [Check] certifies any answer without sharing
// code with the solvers, [Round] turns it into whole actions, [Explainer] says
// why, and [WriteMPS] hands the same problem to other solvers.
package optimizer
