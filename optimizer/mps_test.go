//go:build cgo

package optimizer_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// TestKnownInstances solves the files of testdata, whose optima are stated in
// them with their origin.
func TestKnownInstances(t *testing.T) {
	cases := []struct {
		file   string
		status optimizer.Status
		want   float64
		prices []float64
	}{
		{"wyndor", optimizer.Optimal, 36, []float64{0, 1.5, 1}},
		{"chvatal", optimizer.Optimal, 13, nil},
		{"beale", optimizer.Optimal, 0.05, nil},
		{"bounds", optimizer.Optimal, 1, nil},
		{"infeasible", optimizer.Infeasible, 0, nil},
		{"unbounded", optimizer.Unbounded, 0, nil},
	}
	for _, c := range cases {
		t.Run(c.file, func(t *testing.T) {
			lp := readMPS(t, filepath.Join("testdata", c.file+".mps"))
			s, err := clp.New().SolveLP(context.Background(), lp)
			if err != nil || s.Status != c.status {
				t.Fatalf("%v %v, want %s", s, err, c.status)
			}
			if math.Abs(s.Objective-c.want) > 1e-9 {
				t.Errorf("objective %.12g, want %g", s.Objective, c.want)
			}
			for r, want := range c.prices {
				if math.Abs(s.Prices[r]-want) > 1e-9 {
					t.Errorf("price of %s is %g, want %g", lp.RowNames[r], s.Prices[r], want)
				}
			}
		})
	}
}

func readMPS(t *testing.T, path string) *optimizer.LP {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lp, err := optimizer.ReadMPS(f)
	if err != nil {
		t.Fatal(err)
	}
	return lp
}

func TestMPSReadsBackBitByBit(t *testing.T) {
	check := func(t *testing.T, lp *optimizer.LP) {
		t.Helper()
		var b bytes.Buffer
		if err := optimizer.WriteMPS(&b, lp); err != nil {
			t.Fatal(err)
		}
		back, err := optimizer.ReadMPS(&b)
		if err != nil {
			t.Fatal(err)
		}
		back.ColNames, back.RowNames = lp.ColNames, lp.RowNames
		if lp.Cols() == 0 {
			back.Start = lp.Start
		}
		if !reflect.DeepEqual(normal(back), normal(lp)) {
			t.Fatalf("read back\n%+v\nwrote\n%+v", back, lp)
		}
	}
	for _, file := range []string{"wyndor", "chvatal", "beale", "bounds"} {
		t.Run(file, func(t *testing.T) { check(t, readMPS(t, filepath.Join("testdata", file+".mps"))) })
	}
	t.Run("random problems", func(t *testing.T) {
		for n := range uint64(200) {
			rng := seeded(5, n)
			check(t, randomProblem(rng, 1+rng.IntN(12)).LP())
		}
	})
}

// normal makes nil and empty slices equal.
func normal(lp *optimizer.LP) optimizer.LP {
	c := *lp
	if len(c.Coef) == 0 {
		c.Coef, c.RowIndex = nil, nil
	}
	if len(c.Objective) == 0 {
		c.Objective, c.ColLower, c.ColUpper, c.Start = nil, nil, nil, nil
	}
	return c
}

var clpOptimum = regexp.MustCompile(`Optimal objective (\S+) `)

// TestObjectiveEqualsClpCommand compares every solver with the clp command on
// the exported file.
func TestObjectiveEqualsClpCommand(t *testing.T) {
	command, err := exec.LookPath("clp")
	if err != nil {
		t.Skip("the clp command (Debian package coinor-clp) is not installed")
	}
	for _, c := range []optimizer.Instance{
		{Customers: 40, Channels: 2, Days: 3, Seed: 1},
		{Customers: 300, Channels: 5, Days: 7, Seed: 2},
		{Customers: 1200, Channels: 4, Days: 5, Seed: 3},
	} {
		p, err := c.Problem()
		if err != nil {
			t.Fatal(err)
		}
		in := func(o *optimizer.Candidate) bool { return o.Customer%5 == 0 }
		p.Rows = append(p.Rows, p.MinTouchesRow("min: 10 % of $ segment", in, 1), p.MaxShareRow("share", in, 0.4))
		path := filepath.Join(t.TempDir(), "p.mps")
		var b bytes.Buffer
		if err := optimizer.WriteMPS(&b, p.LP()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(command, path, "-dualsimplex").CombinedOutput()
		m := clpOptimum.FindSubmatch(out)
		if err != nil || m == nil {
			t.Fatalf("clp: %v\n%s", err, out)
		}
		minus, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		eachSolver(t, func(t *testing.T, s optimizer.Solver) {
			sol := solve(t, s, p)
			if math.Abs(sol.ObjectiveCents+minus) > 1e-7*math.Abs(minus) {
				t.Errorf("%+v: objective %.12g, clp command %.12g", c, sol.ObjectiveCents, -minus)
			}
		})
	}
}

func TestReadMPSRefusesWithTheLine(t *testing.T) {
	good := "NAME a FREE\nROWS\n N z\n L r\nCOLUMNS\n x z 1 r 1\nRHS\n rhs r 1\nBOUNDS\n UP bnd x 4\nENDATA\n"
	if _, err := optimizer.ReadMPS(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, old, new, want string }{
		{"cut off", "ENDATA\n", "", "no ENDATA"},
		{"unknown section", "BOUNDS", "SOS", "line 9: section"},
		{"unknown row", "rhs r 1", "rhs q 1", `line 8: row "q"`},
		{"unknown column", "bnd x 4", "bnd y 4", `line 10: column "y"`},
		{"no number", "z 1 r 1", "z 1 r one", `line 6: "one"`},
		{"not a number", "z 1 r 1", "z 1 r NaN", `line 6: "NaN"`},
		{"row twice", " L r\n", " L r\n L r\n", `line 5: row "r" twice`},
		{"row type", " L r", " Q r", "line 4: row type"},
		{"integers", " x z 1 r 1", " m 'MARKER' 'INTORG'", "line 6: integer"},
		{"bound type", "UP bnd", "BV bnd", "line 10: bound type"},
		{"bound cut", "UP bnd x 4", "UP bnd", "line 10: a bound needs"},
		{"column cut", "x z 1 r 1", "x z", "line 6: a column needs"},
		{"before any section", "NAME a FREE\n", " x\n", "line 1: a line outside"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := optimizer.ReadMPS(strings.NewReader(strings.Replace(good, c.old, c.new, 1)))
			if !errors.Is(err, data.ErrBadInput) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

// FuzzReadMPS looks for input on which the reader panics or returns a program
// whose slices do not fit together.
func FuzzReadMPS(f *testing.F) {
	files, err := filepath.Glob("testdata/*.mps")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		lp, err := optimizer.ReadMPS(bytes.NewReader(b))
		if err != nil {
			return
		}
		if len(lp.Start) != lp.Cols()+1 || lp.Start[lp.Cols()] != len(lp.Coef) || len(lp.RowUpper) != lp.Rows() {
			t.Fatalf("%+v", lp)
		}
	})
}
