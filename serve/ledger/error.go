package ledger

import (
	"fmt"

	"dunning/data"
)

// The reasons for which an operation is refused. Each is of a class of package
// data, so that the command line knows its exit code.
var (
	// ErrConflict: the id (or idempotency key) was used with another input.
	ErrConflict = fmt.Errorf("%w: the id was used with another input", data.ErrRefused)
	// ErrInsufficient: the wallet has less available than is to be reserved.
	ErrInsufficient = fmt.Errorf("%w: not enough available in the wallet", data.ErrRefused)
	// ErrState: the plan or action is in a state that does not admit this.
	ErrState = fmt.Errorf("%w: not in this state", data.ErrRefused)
	// ErrHash: the SHA-256 is not that of the plan's actions.
	ErrHash = fmt.Errorf("%w: the SHA-256 is not the plan's", data.ErrRefused)
	// ErrApprover: the approver is the plan's maker.
	ErrApprover = fmt.Errorf("%w: the approver may not be the plan's maker", data.ErrRefused)
	// ErrFenced: somebody else has leased or acknowledged the action since, or
	// the token is not this dispatcher's.
	ErrFenced = fmt.Errorf("%w: the lease was lost", data.ErrRefused)
	// ErrConstraint: the database refused what this code let pass.
	ErrConstraint = fmt.Errorf("%w: by a constraint of the database", data.ErrRefused)
	// ErrNotFound: no such wallet, plan, entry or lease.
	ErrNotFound = fmt.Errorf("%w: not found", data.ErrUsage)
	// ErrInvalid: a field of the request makes no sense.
	ErrInvalid = fmt.Errorf("%w: invalid", data.ErrUsage)
	// ErrNewer: the database was written by a newer version of this program.
	ErrNewer = fmt.Errorf("%w: the database is of another version of this program", data.ErrUsage)
)
