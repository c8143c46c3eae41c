package features_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dunning/data"
	"dunning/features"
)

// trainingFrame returns the decision points of some generated customers.
func trainingFrame(seeds ...uint64) *features.Frame {
	c, f := newTestComputer(), &features.Frame{}
	for _, seed := range seeds {
		h := features.NewHistory(generated(seed, 12, 24))
		points := features.Decisions{Logged: true, From: start, To: start + 1000}.Points(h)
		c.AppendTraining(f, h, points, features.Training{HorizonDays: 14, End: start + 1000})
	}
	return f
}

func scoringFrame(seeds ...uint64) *features.Frame {
	c, f := newTestComputer(), &features.Frame{}
	for _, seed := range seeds {
		asOf := start + 200
		c.AppendScoring(f, features.NewHistory(generated(seed, 12, 24)), asOf, asOf, asOf+1, asOf+2)
	}
	return f
}

// frameEqual compares frames, NaN equal to NaN.
var frameEqual = cmpopts.EquateNaNs()

func TestFramesComeBackExactly(t *testing.T) {
	for _, tc := range []struct {
		name  string
		frame *features.Frame
		write func(string, *features.Frame) (data.File, error)
		read  func(string) (*features.Frame, error)
	}{
		{"training", trainingFrame(1, 2, 3), features.WriteTraining, features.ReadTraining},
		{"scoring", scoringFrame(1, 2, 3), features.WriteScoring, features.ReadScoring},
		{"training, two row groups", repeated(trainingFrame(4, 5), 70_000), features.WriteTraining, features.ReadTraining},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.frame.Len() == 0 {
				t.Fatal("no rows to try")
			}
			path := filepath.Join(t.TempDir(), "frame.parquet")
			file, err := tc.write(path, tc.frame)
			if err != nil {
				t.Fatal(err)
			}
			if file.Rows != int64(tc.frame.Len()) || file.Name != "frame.parquet" {
				t.Errorf("file %+v", file)
			}
			got, err := tc.read(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.frame, got, frameEqual); diff != "" {
				t.Errorf("read back (-want +got):\n%.2000s", diff)
			}
		})
	}
}

// repeated returns a frame of n rows that repeats f's keys, without most of
// its features.
func repeated(f *features.Frame, n int) *features.Frame {
	out := &features.Frame{Matrix: features.Matrix{Names: f.Names[:2], Cols: make([][]float32, 2)}}
	for i := range n {
		r := i % f.Len()
		out.UnitID = append(out.UnitID, fmt.Sprint(f.UnitID[r], i))
		out.CustomerID = append(out.CustomerID, f.CustomerID[r])
		out.AsOf = append(out.AsOf, f.AsOf[r])
		out.Option = append(out.Option, f.Option[r])
		out.TreatProb = append(out.TreatProb, f.TreatProb[r])
		out.OutcomePaid = append(out.OutcomePaid, f.OutcomePaid[r])
		out.OutcomeCents = append(out.OutcomeCents, f.OutcomeCents[r])
		out.OutcomeDay = append(out.OutcomeDay, f.OutcomeDay[r])
		out.TouchedAfter = append(out.TouchedAfter, f.TouchedAfter[r])
		out.Cols[0] = append(out.Cols[0], float32(i))
		out.Cols[1] = append(out.Cols[1], f.Cols[1][r])
	}
	return out
}

func TestSpecialFloatsComeBackExactly(t *testing.T) {
	f := scoringFrame(1)
	for i, v := range []float32{float32(math.NaN()), math.MaxFloat32, math.SmallestNonzeroFloat32} {
		f.Cols[0][i] = v
	}
	path := filepath.Join(t.TempDir(), "frame.parquet")
	if _, err := features.WriteScoring(path, f); err != nil {
		t.Fatal(err)
	}
	got, err := features.ReadScoring(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(bits(got.Cols[0]), bits(f.Cols[0])) {
		t.Errorf("got %v, want %v", got.Cols[0], f.Cols[0])
	}
}

func TestFramesWithoutRowsKeepTheirColumns(t *testing.T) {
	c, f := newTestComputer(), &features.Frame{}
	c.AppendTraining(f, features.NewHistory(features.History{}), nil, features.Training{HorizonDays: 7})
	path := filepath.Join(t.TempDir(), "frame.parquet")
	if _, err := features.WriteTraining(path, f); err != nil {
		t.Fatal(err)
	}
	got, err := features.ReadTraining(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Len() != 0 || !slices.Equal(got.Names, c.Names()) {
		t.Errorf("%d rows of %d features", got.Len(), len(got.Names))
	}
}

func TestFrameFilesAreDeterministic(t *testing.T) {
	dir := t.TempDir()
	var first []byte
	for i, procs := range []int{1, 2, runtime.NumCPU()} {
		old := runtime.GOMAXPROCS(procs)
		path := filepath.Join(dir, fmt.Sprintf("%d.parquet", i))
		_, err := features.WriteTraining(path, trainingFrame(1, 2, 3))
		runtime.GOMAXPROCS(old)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		}
		if !bytes.Equal(b, first) {
			t.Errorf("GOMAXPROCS=%d: other bytes", procs)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFramesThatDoNotFitAreRefused(t *testing.T) {
	dir := t.TempDir()
	training, scoring := filepath.Join(dir, "training.parquet"), filepath.Join(dir, "scoring.parquet")
	if _, err := features.WriteTraining(training, trainingFrame(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := features.WriteScoring(scoring, scoringFrame(1)); err != nil {
		t.Fatal(err)
	}
	odd := trainingFrame(1)
	odd.Option[0] = "pigeon"
	pigeon := filepath.Join(dir, "pigeon.parquet")
	if _, err := features.WriteTraining(pigeon, odd); err != nil {
		t.Fatal(err)
	}
	type wrongType struct {
		UnitID int64 `parquet:"unit_id"`
	}
	wrong := filepath.Join(dir, "wrong.parquet")
	if _, err := data.Write(wrong, []wrongType{{1}}); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.parquet")
	if err := os.WriteFile(text, []byte("customer_id,as_of\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, path, says string
		read             func(string) (*features.Frame, error)
		is               error
	}{
		{"scoring read as training", scoring, "column option: missing", features.ReadTraining, data.ErrDamagedFile},
		{"training read as scoring", training, "column day: missing", features.ReadScoring, data.ErrDamagedFile},
		{"unknown option", pigeon, `row 1: data: damaged file: data: unknown channel "pigeon"`, features.ReadTraining, data.ErrUnknownChannel},
		{"wrong type", wrong, "column unit_id: type int64, expected utf8", features.ReadTraining, data.ErrDamagedFile},
		{"not Parquet", text, "text.parquet", features.ReadTraining, data.ErrDamagedFile},
		{"no file", filepath.Join(dir, "none.parquet"), "none.parquet", features.ReadTraining, os.ErrNotExist},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := tc.read(tc.path)
			if !errors.Is(err, tc.is) || !strings.Contains(fmt.Sprint(err), tc.says) {
				t.Errorf("error %v, want %v saying %q", err, tc.is, tc.says)
			}
		})
	}
	short := trainingFrame(1)
	short.TreatProb = short.TreatProb[1:]
	if _, err := features.WriteTraining(training, short); err == nil || !strings.Contains(err.Error(), "treat_prob") {
		t.Errorf("a frame with a short column was written: %v", err)
	}
	if _, err := features.WriteTraining(filepath.Join(dir, "no", "such", "folder.parquet"), trainingFrame(1)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("unwritable folder: %v", err)
	}
}

// A damaged file is an error or, where the damage cannot be seen without the
// manifest's hash, a frame whose columns are of one length; never a panic.
func TestDamagedFramesDoNotPanic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "frame.parquet")
	if _, err := features.WriteTraining(path, trainingFrame(1, 2)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 7))
	bad := filepath.Join(dir, "bad.parquet")
	for i := range 120 {
		b := bytes.Clone(whole)
		if i%3 == 0 {
			b = b[:r.IntN(len(b))]
		} else {
			for range 1 + r.IntN(8) {
				b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
			}
		}
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := features.ReadTraining(bad)
		if err != nil {
			if !errors.Is(err, data.ErrDamagedFile) {
				t.Errorf("mutation %d: %v", i, err)
			}
			if i%3 == 0 {
				continue
			}
		} else if i%3 == 0 {
			t.Errorf("mutation %d: a file cut short was read", i)
		} else {
			for j, col := range f.Cols {
				if len(col) != f.Len() {
					t.Errorf("mutation %d: %s has %d of %d rows", i, f.Names[j], len(col), f.Len())
				}
			}
		}
	}
}

func TestConcatDoesNotDependOnTheParts(t *testing.T) {
	want, err := features.Concat(trainingFrame(1, 2, 3, 4))
	if err != nil {
		t.Fatal(err)
	}
	got, err := features.Concat(trainingFrame(4), &features.Frame{}, trainingFrame(2, 1), trainingFrame(3))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, frameEqual); diff != "" {
		t.Errorf("parts in another order (-one +four):\n%.2000s", diff)
	}
	days, err := features.Concat(scoringFrame(3), scoringFrame(1))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(scoringFrame(1, 3), days, frameEqual); diff != "" {
		t.Errorf("scoring parts (-want +got):\n%.2000s", diff)
	}
	if _, err := features.Concat(trainingFrame(1), scoringFrame(1)); err == nil {
		t.Error("training and scoring were mixed")
	}
	other := trainingFrame(2)
	other.Names, other.Cols = other.Names[1:], other.Cols[1:]
	if _, err := features.Concat(trainingFrame(1), other); err == nil {
		t.Error("frames of different features were mixed")
	}
}

// Whatever the bytes, reading ends with a frame or with an error that says the
// file is damaged.
func FuzzReadTraining(f *testing.F) {
	path := filepath.Join(f.TempDir(), "frame.parquet")
	whole := repeated(trainingFrame(1), 3)
	if _, err := features.WriteTraining(path, whole); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "frame.parquet")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := features.ReadTraining(path)
		if err != nil {
			if !errors.Is(err, data.ErrDamagedFile) {
				t.Errorf("error %v", err)
			}
			return
		}
		if n := got.Len(); len(got.Option) != n || len(got.TreatProb) != n {
			t.Errorf("columns of %d, %d and %d rows", n, len(got.Option), len(got.TreatProb))
		}
	})
}
