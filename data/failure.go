package data

import (
	"crypto/md5"
	"encoding/binary"
	"errors"
)

// Classes of failure. A command wraps one of them, with the place and the
// remedy, and the command line turns the class into its exit code. A failure
// of no class exits with 1.
var (
	// ErrUsage: wrong usage or configuration; exit code 2.
	ErrUsage = errors.New("usage")
	// ErrBadInput: the input data is wrong; exit code 3. [ErrDamagedFile] and
	// the sentinels of [Rules] are of this class too.
	ErrBadInput = errors.New("bad input")
	// ErrRefused: a rule refused (gate, approval, budget, overlap); exit code 4.
	ErrRefused = errors.New("refused")
)

// ExitCode returns the exit code of a command that ended with err.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrUsage):
		return 2
	case errors.Is(err, ErrRefused):
		return 4
	case errors.Is(err, ErrBadInput), errors.Is(err, ErrDamagedFile), RuleOf(err) != "":
		return 3
	}
	return 1
}

// Partition returns the partition of a customer among n: the first 32 bits of
// the MD5 of the id, modulo n. MD5 is used for its spread and because SQL
// engines have it, not for secrecy.
func Partition(customerID string, n int) int {
	sum := md5.Sum([]byte(customerID))
	return int(binary.BigEndian.Uint32(sum[:4]) % uint32(n))
}
