package optimizer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dunning/data"
	"dunning/optimizer"
)

// contents reads all values, one customer after the other.
func contents(t *testing.T, v optimizer.Values) (values []float32, profiles []int32) {
	t.Helper()
	next := 0
	for k := range v.Blocks() {
		err := v.Read(context.Background(), k, func(b optimizer.Block) error {
			if b.First != next {
				t.Fatalf("block %d starts with customer %d, want %d", k, b.First, next)
			}
			next += b.Customers
			values = append(values, b.Narrow...)
			profiles = append(profiles, b.Profile...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if next != v.Customers() {
		t.Fatalf("blocks hold %d customers of %d", next, v.Customers())
	}
	return values, profiles
}

// sameValues compares values, profiles and samples.
func sameValues(t *testing.T, got, want optimizer.Values) {
	t.Helper()
	if got.Customers() != want.Customers() || got.Slots() != want.Slots() || got.Largest() != want.Largest() {
		t.Fatalf("%d × %d up to %g, want %d × %d up to %g", got.Customers(), got.Slots(), got.Largest(), want.Customers(), want.Slots(), want.Largest())
	}
	gv, gp := contents(t, got)
	wv, wp := contents(t, want)
	if !reflect.DeepEqual(gv, wv) || !reflect.DeepEqual(gp, wp) {
		t.Fatal("other values or profiles")
	}
	gs, err := got.Sample(context.Background())
	ws, err2 := want.Sample(context.Background())
	if want.Customers() == 0 { // empty slices may be nil
		gs, ws = optimizer.Block{Customers: gs.Customers}, optimizer.Block{}
	}
	if err != nil || err2 != nil || !reflect.DeepEqual(gs, ws) {
		t.Fatalf("other sample: %d customers, want %d (%v, %v)", gs.Customers, ws.Customers, err, err2)
	}
}

func openValues(t *testing.T, path string) *optimizer.FileValues {
	t.Helper()
	v, err := optimizer.OpenValues(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(v.Close(), v.Close()); err != nil {
			t.Error(err)
		}
	})
	return v
}

// 70,000 customers are more than a sample and, at 70 slots, several blocks.
func TestInstanceFileHoldsWhatMemoryDoes(t *testing.T) {
	for name, in := range map[string]optimizer.Instance{
		"several blocks":      {Customers: 70_000, Channels: 5, Days: 14, Seed: 3},
		"profiles":            {Customers: 70_000, Channels: 2, Days: 3, Segments: 7, Seed: 4},
		"one customer, a day": {Customers: 1, Channels: 1, Days: 1, Seed: 5},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "values")
			if err := in.WriteFile(context.Background(), path); err != nil {
				t.Fatal(err)
			}
			g, err := optimizer.NewInstance(in)
			if err != nil {
				t.Fatal(err)
			}
			sameValues(t, openValues(t, path), g.Values)
		})
	}
}

func TestValuesWriterHoldsWhatMemoryDoes(t *testing.T) {
	rng := seeded(41, 0)
	for _, customers := range []int{0, 1, 500, 3000} {
		const slots = 1000 // 1048 customers a block
		path := filepath.Join(t.TempDir(), "values")
		w, err := optimizer.CreateValues(path, slots, true)
		if err != nil {
			t.Fatal(err)
		}
		m := optimizer.NewMemoryValues(slots, customers)
		values := make([]float64, slots)
		for range customers {
			profile := int32(1 + rng.IntN(3))
			for s := range values {
				values[s] = float64(rng.IntN(100)) / 4
				if rng.IntN(3) == 0 {
					values[s] = optimizer.Forbidden
				}
			}
			if err := errors.Join(w.Add(profile, values), m.Add(profile, values)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		sameValues(t, openValues(t, path), m)
	}
}

func TestValuesWriterRefusesAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	w, err := optimizer.CreateValues(filepath.Join(dir, "values"), 2, false)
	if err != nil {
		t.Fatal(err)
	}
	for want, bad := range map[string]struct {
		profile int32
		values  []float64
	}{
		"customer 0, slot 1: data: bad number: value NaN":              {0, []float64{1, nan()}},
		"customer 0, slot 0: data: bad number: 0.1 needs double":       {0, []float64{0.1, 1}},
		"customer 0: data: bad number: profile 1":                      {1, []float64{1, 1}},
		"customer 0, slot 1: data: bad number: value 1e+16":            {0, []float64{optimizer.Forbidden, 1e16}},
		"customer 0, slot 0: data: bad number: 1.6777217e+07 needs do": {0, []float64{16777217, 1}},
	} {
		w2, err := optimizer.CreateValues(filepath.Join(dir, "other"), 2, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := w2.Add(bad.profile, bad.values); !errors.Is(err, data.ErrBadNumber) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		w2.Abort()
	}
	w.Abort()
	w.Abort()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := (optimizer.Instance{Customers: 10, Channels: 1, Days: 1}).WriteFile(ctx, filepath.Join(dir, "stopped")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestDamagedValuesFilesAreRefusedWithThePlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	in := optimizer.Instance{Customers: 100, Channels: 2, Days: 3, Segments: 2, Seed: 1}
	if err := in.WriteFile(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const header, row = 4096, 4 * (6 + 1)
	if len(whole) != header+200*row { // all customers are in the sample
		t.Fatalf("%d bytes", len(whole))
	}
	flip := func(at int) []byte {
		b := append([]byte(nil), whole...)
		b[at] ^= 4
		return b
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":        {nil, "byte 0: too short"},
		"half a page":  {whole[:2000], "byte 2000: too short"},
		"other magic":  {flip(3), "byte 0: does not begin as a values file"},
		"version":      {flip(8), "byte 8: version 6"},
		"slots":        {flip(16), "checksum is another"},
		"customers":    {flip(26), "checksum is another"},
		"largest":      {flip(50), "checksum is another"},
		"a byte short": {whole[:len(whole)-1], "the file has 9695 bytes and should have 9696"},
		"a byte more":  {append(flip(5000), 0), "the file has 9697 bytes and should have 9696"},
		"sample":       {flip(len(whole) - 5), "byte 6896: the sample's checksum is another"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			v, err := optimizer.OpenValues(path)
			if err == nil {
				_, err = v.Sample(context.Background())
				v.Close()
			}
			if !errors.Is(err, data.ErrDamagedFile) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := optimizer.OpenValues(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
