package allocation_test

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
	"dunning/pipeline/allocation"
)

// An instance written as a table and staged is the instance: the same values,
// profiles and sample.
func TestStagedCandidatesAreTheInstance(t *testing.T) {
	dir := t.TempDir()
	in := optimizer.Instance{Customers: 3000, Channels: 3, Days: 4, Segments: 5, OptionShare: 0.7, Seed: 11}
	g, err := optimizer.NewInstance(in)
	if err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(dir, "candidates.parquet")
	if err := in.WriteCandidates(context.Background(), table); err != nil {
		t.Fatal(err)
	}
	s, err := allocation.StageCandidates(context.Background(), table, filepath.Join(dir, "values"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Values.Close()
	if !reflect.DeepEqual(s.Slots, g.Slots) || len(s.Segments) != 5 || s.Read != 3000*in.Options() || s.Blocked != 0 {
		t.Fatalf("%d slots, segments %q, %d rows", len(s.Slots), s.Segments, s.Read)
	}
	staged := s.Grid(optimizer.LadderRule{})
	s.BudgetRow(staged, g.Rows[0].Limit)
	if err := staged.Validate(); err != nil || !reflect.DeepEqual(staged.Rows[0], g.Rows[0]) {
		t.Fatalf("%v: %v, want %v", err, staged.Rows[0], g.Rows[0])
	}
	got, err := s.Values.Sample(context.Background())
	want, err2 := g.Values.Sample(context.Background())
	if err != nil || err2 != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("other customers: %v %v", err, err2)
	}
	whole, err := allocation.ReadCandidates(table)
	if err != nil || len(whole.Options) != s.Read || len(whole.CustomerID) != 3000 {
		t.Fatalf("%v: %d options of %d customers", err, len(whole.Options), len(whole.CustomerID))
	}
}

func TestStageCandidatesReadsPartitions(t *testing.T) {
	dir := t.TempDir()
	for name, rows := range map[string]string{
		"a.csv": "a,sms,2026-01-05,10,1,true\na,voice,2026-01-06,7,9,false\nc,sms,2026-01-06,5,1,true\n",
		"b.csv": "b,email,2026-01-05,3.5,0,true\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("customer_id,channel,day,value_cents,cost_cents,allowed\n"+rows), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := allocation.StageCandidates(context.Background(), dir, filepath.Join(t.TempDir(), "values"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Values.Close()
	day := data.MakeDate(2026, 1, 5)
	no := float32(optimizer.Forbidden)
	want := []float32{no, 10, no, no, no, 5, 3.5, no, no}
	var got []float32
	for k := range s.Values.Blocks() {
		if err := s.Values.Read(context.Background(), k, func(b optimizer.Block) error { got = append(got, b.Narrow...); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(s.Slots, []optimizer.Slot{{Channel: data.Email, Day: day}, {Channel: data.SMS, Day: day}, {Channel: data.SMS, Day: day + 1}}) {
		t.Fatalf("%v of %v, want %v", got, s.Slots, want)
	}
	if s.Read != 4 || s.Blocked != 1 || !reflect.DeepEqual(s.Cost, [][]float64{{0, 1, 1}}) {
		t.Fatalf("%d read, %d blocked, costs %v", s.Read, s.Blocked, s.Cost)
	}
}

func TestStageCandidatesRefusesWhatIsNoGrid(t *testing.T) {
	row := "b,sms,2026-01-05,10,1\n"
	for name, c := range map[string]struct {
		text string
		is   error
		want string
	}{
		"unsorted":         {header + row + "a,sms,2026-01-05,10,1\n", data.ErrBadInput, `row 2 (line 3): bad input: customer "a" after "b"`},
		"twice":            {header + row + row, data.ErrDuplicateID, "is there twice"},
		"costs differ":     {header + row + "c,sms,2026-01-05,10,2\n", data.ErrBadInput, "costs 2 here and 1 before"},
		"double precision": {header + "b,sms,2026-01-05,16777217,1\n", data.ErrBadInput, "does not fit single precision"},
		"two segments":     {"segment," + header + "PF," + row + "PJ,b,email,2026-01-05,10,1\n", data.ErrDuplicateID, `segment "PJ" here and in "PF"`},
		"missing id":       {header + ",sms,2026-01-05,10,1\n", data.ErrMissingValue, "customer_id"},
		"header only":      {header, data.ErrBadInput, "the table is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			scratch := t.TempDir()
			path := write(t, "c.csv", c.text)
			_, err := allocation.StageCandidates(context.Background(), path, filepath.Join(scratch, "values"))
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
				t.Fatalf("left behind: %v %v", left, err)
			}
		})
	}
	dir := t.TempDir()
	for _, name := range []string{"a.csv", "b.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(header+row), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := allocation.StageCandidates(context.Background(), dir, filepath.Join(t.TempDir(), "values")); !errors.Is(err, data.ErrDuplicateID) {
		t.Fatalf("a customer in two files: %v", err)
	}
}
