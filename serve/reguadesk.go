package serve

import (
	"context"

	"dunning/data"
	"dunning/policy/regua"
)

// ReguaDesk is what the API does with réguas, for pages within the same process:
// the same store, rules and audit. It checks no role: the pages do.
type ReguaDesk struct{ server *Server }

// ReguaDesk returns the server's; nil where it keeps no réguas.
func (s *Server) ReguaDesk() *ReguaDesk {
	if s.config.Reguas == nil {
		return nil
	}
	return &ReguaDesk{s}
}

// List returns all versions, by id, then number.
func (d *ReguaDesk) List() ([]regua.Version, error) {
	all, err := d.server.config.Reguas.List()
	return all, ofRegua(err)
}

// Load returns a version with its text; version 0 is the latest.
func (d *ReguaDesk) Load(id string, version int) (regua.Version, *regua.Regua, []byte, error) {
	v, r, text, err := d.server.config.Reguas.Load(id, version)
	return v, r, text, ofRegua(err)
}

// Save saves a draft of a person's.
func (d *ReguaDesk) Save(ctx context.Context, by string, text []byte) (regua.Version, error) {
	v, err := d.server.saveRegua(ctx, by, text)
	return v.Version, err
}

// Publish puts the draft that was seen into force; its author may not.
func (d *ReguaDesk) Publish(ctx context.Context, by, id string, seen ReguaDecision) (regua.Version, error) {
	v, err := d.server.judgeRegua(ctx, by, id, seen, publishRegua)
	return v.Version, err
}

// Retire takes the version that was seen out of force, or off the table.
func (d *ReguaDesk) Retire(ctx context.Context, by, id string, seen ReguaDecision) (regua.Version, error) {
	v, err := d.server.judgeRegua(ctx, by, id, seen, retireRegua)
	return v.Version, err
}

// Try says what a régua would do on the latest day that was scored. It may take as
// long as two plans, and waits for trials of others; it tells its phases to whom
// [regua.WithPhases] names.
func (d *ReguaDesk) Try(ctx context.Context, r *regua.Regua) (*regua.Trial, error) {
	return d.server.tryRegua(ctx, r, data.Date(0))
}
