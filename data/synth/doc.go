// Package synth generates seeded portfolios of receivables: the eight source
// tables, and beside them the truth that nobody has in life. For every logged
// decision it gives the organic probability that the open balance is paid and
// the effect of every channel, and the ceiling: the same for somebody who
// knows the equations and all that was observed, but not the latent draws.
//
// An invoice j of customer i is a Poisson process in time with the daily
// hazard
//
//	λ_ij(day) = g[level_i] · observed_ij(day) · exp(E_ij(day) + promise),
//
// whose first event pays it (or a part of it, and the second the rest; or, in
// an agreement, the first n events an instalment each). g is the latent
// liquidity; observed depends on days past due, amount, traits and calendar;
// E is what touches left: it adds up, depends on the latent response type,
// channel, stage, day and fatigue, and halves every 2.5 days. Customers are
// touched by a logging policy that sees only observed things and is recorded
// with its probabilities.
//
// Because a touch acts only through the cumulated hazard, what happens within
// a window is a closed form of it, and truth is computed, not drawn; the
// latent grid is small and discrete, so the posterior behind the ceiling is
// exact. docs/SIMULATOR.md has all equations and parameters.
//
// Every customer has a random stream of his own, PCG(seed, mix(index)): the
// same [Config] gives the same bytes whatever GOMAXPROCS, and a portfolio's
// first customers do not depend on how many follow.
package synth
