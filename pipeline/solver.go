package pipeline

// solverName is what reports call the solver of the pipeline,
// [optimizer.Boxstep] with COIN-OR CLP.
const solverName = "boxstep"
