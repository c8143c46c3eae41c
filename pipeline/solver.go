package pipeline

import (
	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// solverName is what reports call the solver.
const solverName = "auto"

// newSolver returns the solver of the pipeline: the whole linear program while
// it is small, priced rows beyond that.
func newSolver() optimizer.Solver { return optimizer.Auto{LP: clp.New(), Seed: 1} }
