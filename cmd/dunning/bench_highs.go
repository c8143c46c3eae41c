package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dunning/optimizer"
)

// highsScript reads a linear program as rows, columns and non-zeros (int64),
// objective, lower and upper bounds of the columns, upper bounds of the rows,
// starts (int64), row indices (int32) and coefficients, and solves it with
// SciPy's HiGHS. The answer leaves out the time it takes to start and to read.
const highsScript = `
import json, resource, sys
try:
    import numpy, scipy.sparse, scipy.optimize
except ImportError as e:
    print(json.dumps({"why": "no SciPy: " + str(e)}))
    sys.exit()
f = open(sys.argv[1], "rb")
rows, cols, nonzeros = numpy.fromfile(f, "<i8", 3)
c, lower, upper = (numpy.fromfile(f, "<f8", cols) for _ in range(3))
b = numpy.fromfile(f, "<f8", rows)
start = numpy.fromfile(f, "<i8", cols + 1)
index = numpy.fromfile(f, "<i4", nonzeros)
a = scipy.sparse.csc_matrix((numpy.fromfile(f, "<f8", nonzeros), index, start), shape=(rows, cols))
used = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
before = used()
r = scipy.optimize.linprog(-c, A_ub=a, b_ub=b, bounds=numpy.stack([lower, upper], 1), method="highs", options={"time_limit": float(sys.argv[2])})
print(json.dumps({"status": {0: "optimal", 1: "time_limit"}.get(r.status, r.message), "cpu": used() - before, "objective": -r.fun if r.status == 0 else 0, "scipy": scipy.__version__}))
`

// solveHiGHS solves a program whose rows are all ≤ with the HiGHS of the
// system's SciPy (Debian: python3-scipy). Where there is none, the answer says
// so.
func solveHiGHS(ctx context.Context, lp *optimizer.LP, limit time.Duration) (comparedSolver, error) {
	out := comparedSolver{Solver: "highs", Status: optimizer.NotSolved.String()}
	python, err := exec.LookPath("python3")
	if err != nil {
		out.Why = "no python3"
		return out, nil
	}
	dir, err := os.MkdirTemp("", "dunning-bench-")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "program")
	if err := writeHiGHS(path, lp); err != nil {
		return out, err
	}
	cmd := exec.CommandContext(ctx, python, "-c", highsScript, path, fmt.Sprint(limit.Seconds()))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	var said, complained bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &complained
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		lines := strings.Split(strings.TrimSpace(complained.String()), "\n")
		out.Why = fmt.Sprintf("%v: %s", err, lines[len(lines)-1])
		return out, nil
	}
	var answer struct {
		Status, Why, SciPy string
		CPU, Objective     float64
	}
	if err := json.Unmarshal(said.Bytes(), &answer); err != nil {
		return out, fmt.Errorf("bench: answer of python3: %w", err)
	}
	out.Why, out.CPU, out.Objective = answer.Why, answer.CPU, answer.Objective
	if answer.Why == "" {
		out.Status, out.Solver = answer.Status, "highs, SciPy "+answer.SciPy
	}
	return out, nil
}

func writeHiGHS(path string, lp *optimizer.LP) error {
	var b bytes.Buffer
	starts := make([]int64, len(lp.Start))
	for j, k := range lp.Start {
		starts[j] = int64(k)
	}
	for _, part := range []any{[]int64{int64(lp.Rows()), int64(lp.Cols()), int64(len(lp.Coef))}, lp.Objective, lp.ColLower, lp.ColUpper,
		lp.RowUpper, starts, lp.RowIndex, lp.Coef} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			return err
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}
