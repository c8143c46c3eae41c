package optimizer

import "context"

// autoCustomers is from how many customers on Auto prices rows instead of
// solving the whole linear program; below it both take a fraction of a second.
const autoCustomers = 1000

// Auto is the Solver for any size: the whole linear program while it is small,
// [Boxstep] from a thousand customers on.
type Auto struct {
	LP   LPSolver
	Seed uint64 // of the samples of Boxstep
}

// Solve solves p with the solver that suits its size.
func (a Auto) Solve(ctx context.Context, p *Problem) (*Solution, error) {
	if p.Customers() < autoCustomers {
		return FullLP{LP: a.LP}.Solve(ctx, p)
	}
	return Boxstep{LP: a.LP, Seed: a.Seed}.Solve(ctx, p)
}
