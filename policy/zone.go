package policy

import (
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // the hours must not depend on what the machine has installed

	"dunning/data"
)

// maxZones bounds the cache of zones that customers name themselves.
const maxZones = 1024

// zones finds the time zone of a customer.
type zones struct {
	byUF   [len(ufs)]*time.Location
	opens  *time.Location // westernmost: the last to reach the opening hour
	closes *time.Location // easternmost: the first to reach the closing hour
	mu     sync.RWMutex
	byName map[string]*time.Location // nil for names that are no zone
}

// newZones loads every zone. Without packs of zones all customers that name
// none are held to São Paulo's clock.
func newZones(byUF map[string]string, unknown []string) (*zones, error) {
	z := &zones{byName: map[string]*time.Location{}}
	if len(unknown) == 0 {
		unknown = []string{"America/Sao_Paulo", "America/Sao_Paulo"}
	}
	if len(unknown) != 2 {
		return nil, fmt.Errorf("policy: %w: unknown_zones needs the westernmost and the easternmost zone, has %d", data.ErrUsage, len(unknown))
	}
	var err error
	if z.opens, err = loadZone(unknown[0]); err != nil {
		return nil, err
	}
	if z.closes, err = loadZone(unknown[1]); err != nil {
		return nil, err
	}
	for uf, name := range byUF {
		if z.byUF[ufIndex(uf)], err = loadZone(name); err != nil {
			return nil, err
		}
	}
	return z, nil
}

// loadZone refuses "" and "Local", which would mean UTC and this machine's.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("policy: %w: %q is no time zone", data.ErrUsage, name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("policy: %w: time zone: %w", data.ErrUsage, err)
	}
	return loc, nil
}

// of returns the zones by whose clocks the customer's hours open and close:
// the zone of the row; else, where it is empty or no zone, that of the state;
// else the two that are safe in the whole country.
func (z *zones) of(c *data.Customer) (opens, closes *time.Location) {
	if c.Timezone != "" {
		if loc := z.named(c.Timezone); loc != nil {
			return loc, loc
		}
	}
	if loc := z.byUF[ufIndex(c.UF)]; loc != nil {
		return loc, loc
	}
	return z.opens, z.closes
}

func (z *zones) named(name string) *time.Location {
	z.mu.RLock()
	loc, known := z.byName[name]
	z.mu.RUnlock()
	if known {
		return loc
	}
	loc, err := loadZone(name)
	if err != nil {
		loc = nil
	}
	z.mu.Lock()
	if len(z.byName) < maxZones {
		z.byName[name] = loc
	}
	z.mu.Unlock()
	return loc
}
