package clp

import "fmt"

// Algorithm is the method of the first solve of a program. Later solves of a
// session start from its basis, where only the simplex methods make sense.
type Algorithm int8

// The algorithms.
const (
	Dual   Algorithm = iota // dual simplex, without presolve: the fastest on our programs
	Primal                  // primal simplex, without presolve
	// Barrier is the interior point method with presolve, then crossover to a
	// basis. CLP aborts the whole process when its iterates run away, as they do
	// on infeasible and unbounded programs; so only programs that are plainly
	// neither are given to it (all columns have bounds, and all at their bound
	// nearest to zero keep the rows), and the others to Dual.
	Barrier
)

// String returns the algorithm's name.
func (a Algorithm) String() string {
	switch a {
	case Dual:
		return "dual"
	case Primal:
		return "primal"
	case Barrier:
		return "barrier"
	}
	return fmt.Sprintf("algorithm(%d)", int8(a))
}
