package serve

import (
	"fmt"
	"slices"
	"strings"

	"dunning/data"
)

// Role is what a key may do.
type Role string

// The roles.
const (
	Scientist  Role = "scientist"  // retrains models, scores feature rows
	Manager    Role = "manager"    // keeps wallets; makes, submits and closes plans
	Approver   Role = "approver"   // approves and rejects plans that others made
	Dispatcher Role = "dispatcher" // fetches the day's actions, says what became of them
	Auditor    Role = "auditor"    // reads everything, verifies the audit
	Admin      Role = "admin"      // may do whatever any role may
)

// Roles lists the roles.
var Roles = []Role{Scientist, Manager, Approver, Dispatcher, Auditor, Admin}

// ParseRole reads a role; the error wraps data.ErrUsage.
func ParseRole(s string) (Role, error) {
	if slices.Contains(Roles, Role(s)) {
		return Role(s), nil
	}
	names := make([]string, len(Roles))
	for i, r := range Roles {
		names[i] = string(r)
	}
	return "", fmt.Errorf("serve: %w: unknown role %q (have %s)", data.ErrUsage, s, strings.Join(names, ", "))
}
