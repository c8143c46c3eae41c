//go:build cgo

package optimizer_test

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// The answer from a file is that from memory, bit by bit.
func TestAllocateFromAFile(t *testing.T) {
	for name, in := range map[string]optimizer.Instance{
		"one touch": {Customers: 80_000, Channels: 5, Days: 4, Segments: 3, Seed: 6},
		"ladders":   {Customers: 15_000, Channels: 3, Days: 7, Seed: 7, Ladder: optimizer.LadderRule{Touches: 2, GapDays: 2}},
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
			want, err := optimizer.Boxstep{LP: clp.New()}.Allocate(context.Background(), g)
			if err != nil || want.Err() != nil {
				t.Fatal(err, want)
			}
			g.Values = openValues(t, path)
			got, err := optimizer.Boxstep{LP: clp.New()}.Allocate(context.Background(), g)
			if err != nil || got.Err() != nil {
				t.Fatal(err, got)
			}
			if !reflect.DeepEqual(got.Chosen, want.Chosen) || !reflect.DeepEqual(got.Prices, want.Prices) || got.ObjectiveCents != want.ObjectiveCents || got.BoundCents != want.BoundCents {
				t.Fatalf("objective %v, bound %v; from memory %v, %v", got.ObjectiveCents, got.BoundCents, want.ObjectiveCents, want.BoundCents)
			}
		})
	}
}

// A part that tells little makes the first box wide, and the answer no other.
func TestAllocateFromAFileWithAPart(t *testing.T) {
	in := optimizer.Instance{Customers: 200_000, Channels: 5, Days: 4, Seed: 6}
	g, err := optimizer.NewInstance(in)
	if err != nil {
		t.Fatal(err)
	}
	want, err := optimizer.Boxstep{LP: clp.New()}.Allocate(context.Background(), g)
	if err != nil || want.Err() != nil {
		t.Fatal(err, want)
	}
	g.Values = optimizer.WriteParted(t, g.Values.(*optimizer.MemoryValues))
	got, err := optimizer.Boxstep{LP: clp.New()}.Allocate(context.Background(), g)
	if err != nil || got.Err() != nil {
		t.Fatal(err, got)
	}
	if got.Work.PartReads != 1 || want.Work.PartReads != 0 {
		t.Errorf("%d reads of the part, %d from memory", got.Work.PartReads, want.Work.PartReads)
	}
	if !reflect.DeepEqual(got.Chosen, want.Chosen) || got.ObjectiveCents != want.ObjectiveCents {
		t.Errorf("objective %v, from memory %v, or other ladders", got.ObjectiveCents, want.ObjectiveCents)
	}
	if err := certify(t, g, got).Err(optimizer.Tolerance{Gap: 1e-9}); err != nil {
		t.Error(err)
	}
}
