package synth

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dunning/data"
)

// Format is the file format of the source tables.
type Format string

// The formats of the source tables. The truth is always Parquet.
const (
	CSV     Format = "csv"
	Parquet Format = "parquet"
)

// Limits of [Config].
const (
	MaxCustomers = 10_000_000
	MinMonths    = 3
	MaxMonths    = 120
	MaxDirty     = 0.5
)

// ChannelCostCents is what one touch costs by default, in cents, in the order
// of [data.Channels]: e-mail, SMS, WhatsApp, voice, letter. Read only.
var ChannelCostCents = [channels]data.Cents{2, 9, 35, 60, 450}

// Config says which portfolio to generate. Start from [DefaultConfig].
type Config struct {
	Customers int    // customers in the portfolio; 1 … 10,000,000; default 20,000
	Months    int    // months of history before End; 3 … 120; default 24
	Seed      uint64 // any; default 42

	// End is the day the history stops: every event is strictly before its
	// midnight UTC. It is the AsOf of a plan. Default 2026-01-05, a Monday.
	End data.Date

	// HoldoutShare is the share of customers who are never touched, by a
	// permanent draw; 0 … 0.5; default 0.05.
	HoldoutShare float64

	// DirtyShare is the number of faulty rows to plant for each good one, per
	// table; 0 … 0.5; default 0. The good rows and the truth do not change.
	DirtyShare float64

	// Preset says how customers answer to touches; default [PresetDefault].
	Preset Preset

	// NullEffects makes every true effect of every touch exactly zero, promises
	// and agreements included. Default false.
	NullEffects bool

	// SwitchMonth, where it is above 0, is the month of history from whose first
	// day on everybody pays at SwitchPace times the pace of before: a crisis, or
	// the end of one. It is at most Months; default 0, never.
	SwitchMonth int `json:",omitempty"`
	// SwitchPace is that factor on the hazard of a payment; 0.05 … 20; read
	// only with a SwitchMonth, which has no default for it.
	SwitchPace float64 `json:",omitempty"`

	// ChannelCostCents is what one touch costs, in the order of
	// [data.Channels]; not negative.
	ChannelCostCents [channels]data.Cents

	// Truth asks for the truth and its ceiling beside the sources. Without it
	// a portfolio takes about half the time. Default true.
	Truth bool
}

// DefaultConfig returns the defaults that the fields of [Config] state.
func DefaultConfig() Config {
	return Config{
		Customers:        20_000,
		Months:           24,
		Seed:             42,
		End:              data.MakeDate(2026, 1, 5),
		HoldoutShare:     0.05,
		Preset:           PresetDefault,
		ChannelCostCents: ChannelCostCents,
		Truth:            true,
	}
}

// Validate reports every fault at once; each wraps [data.ErrUsage].
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: simulate: %s", data.ErrUsage, fmt.Sprintf(format, args...)))
	}
	if c.Customers < 1 || c.Customers > MaxCustomers {
		fault("customers %d is not within 1 … %d", c.Customers, MaxCustomers)
	}
	if c.Months < MinMonths || c.Months > MaxMonths {
		fault("months %d is not within %d … %d", c.Months, MinMonths, MaxMonths)
	}
	if first, last := data.MakeDate(2001, 1, 1), data.MakeDate(2100, 1, 1); c.End < first || c.End > last {
		fault("end %s is not within %s … %s", c.End, first, last)
	}
	if !(c.HoldoutShare >= 0 && c.HoldoutShare <= MaxDirty) {
		fault("holdout share %g is not within 0 … %g", c.HoldoutShare, MaxDirty)
	}
	if !(c.DirtyShare >= 0 && c.DirtyShare <= MaxDirty) {
		fault("dirty share %g is not within 0 … %g", c.DirtyShare, MaxDirty)
	}
	if c.SwitchMonth < 0 || c.SwitchMonth > c.Months {
		fault("switch month %d is not within 0 … %d, the months", c.SwitchMonth, c.Months)
	}
	if c.SwitchMonth > 0 && !(c.SwitchPace >= 0.05 && c.SwitchPace <= 20) {
		fault("switch pace %g is not within 0.05 … 20", c.SwitchPace)
	}
	if _, known := newWorld(c.Preset); !known {
		fault("no preset %q (have %v)", c.Preset, Presets)
	}
	for i, cost := range c.ChannelCostCents {
		if cost < 0 {
			fault("cost of %s %d is negative", data.Channels[i], cost)
		}
	}
	return errors.Join(faults...)
}

// configFile is the configuration of a portfolio beside its truth.
const configFile = "portfolio.json"

// saveConfig writes c beside the truth, or removes it where there is none.
func saveConfig(c Config, home string) error {
	path := filepath.Join(home, truthFolder, configFile)
	if !c.Truth {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("synth: %w", err)
		}
		return nil
	}
	if c.SwitchMonth == 0 {
		c.SwitchPace = 0 // it says nothing
	}
	b, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return fmt.Errorf("synth: %w", err)
	}
	return data.WriteFile(path, append(b, '\n'))
}

// ReadConfig returns the configuration of the portfolio that [Write] made below
// home: whoever has it can live its customers again. The error wraps
// os.ErrNotExist where there is none, and [data.ErrDamagedFile].
func ReadConfig(home string) (Config, error) {
	path := filepath.Join(home, truthFolder, configFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("synth: %w", err)
	}
	var c Config
	if err := json.Unmarshal(b, &c); err != nil {
		return Config{}, fmt.Errorf("%s: %w: %w", path, data.ErrDamagedFile, err)
	}
	return c, c.Validate()
}
