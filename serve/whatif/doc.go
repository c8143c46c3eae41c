// Package whatif answers a manager's question while she looks at the page: what
// would the plan be with another budget, other capacities, a channel switched
// off, or a segment that has to be covered?
//
// An [Engine] holds the problem that the plan in force solved: the same
// customers, values, ladders and rows. An answer is the exact optimum of the
// linear program with the changed limits, with its bound and its prices; it is
// compared with the optimum of the unchanged one, computed in the same way, so
// that what differs is what was wished. Contacts are counted as that optimum has
// them: at most as many customers as there are limits have a share that is not
// whole.
//
// Values are single precision in a file that is mapped into memory: an amount is
// off by less than one part in ten million, and a million customers need no
// memory of their own. The problem is prepared in the background when a plan
// appears. One solve runs at a time; a newer wish of the same person ends the
// one before.
package whatif
