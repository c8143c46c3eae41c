package pipeline

import (
	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// solverName is what reports call the solver.
const solverName = "auto"

// newSolver returns the solver of the pipeline.
func newSolver() optimizer.Solver { return optimizer.Boxstep{LP: clp.New()} }
