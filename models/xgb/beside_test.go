//go:build cgo

package xgb

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"dunning/features"
	"dunning/models/trees"
)

// Sizes of the comparison with Python.
const (
	besideRows    = 1_000_000 // predicted
	besideTrained = 50_000    // the first of them, trained on
	besideColumns = 60
	besideSingles = 2_000 // predicted one at a time
)

// besideParams are what both sides train with.
func besideParams(threads int) Params {
	return Params{MaxDepth: 6, MinChildWeight: 2, Seed: 3, Threads: threads}.withDefaults()
}

// BenchmarkBesidePython trains and predicts on the same values by this package and by
// Python's xgboost (Debian's python3-xgboost, the same C library), turn and turn about
// in one run, with one thread and with two, and reports processor seconds of the best
// turn of each (those of the clock where it says so) and their ratios:
//
//   - train: from values in memory to a model that can predict, with the same
//     parameters; making the matrix is counted on both sides. ours/python is to be
//     1.10 at most.
//   - predict: 1,000,000 rows by 300 trees. Python's way is the cheaper of
//     Booster.predict, whose DMatrix is not counted, and inplace_predict, which needs
//     none. python/ours is to be 2 at least.
//   - scikit-learn: its histogram trees (HistGradientBoostingClassifier) with as many
//     rounds, as deep and as slow to learn, beside ours. They are other trees: the log
//     loss of either on the rows that neither was trained on says what the time bought.
//   - row: one row at a time, ours gathered from columns; 20 µs at most.
//
// It fails where the two models do not predict the same: then the work was another.
// More turns by -benchtime 3x. The library's threads wait by spinning, which beside
// other work counts as much as training does; OMP_WAIT_POLICY=passive in the
// environment makes those of both sides sleep.
func BenchmarkBesidePython(b *testing.B) {
	s := &beside{python: startPython(b)}
	s.all, s.y = synthetic(7, besideRows, besideColumns, Logistic)
	s.labels, s.y = s.y, s.y[:besideTrained]
	s.first.Names = s.all.Names
	for _, col := range s.all.Cols {
		s.first.Cols = append(s.first.Cols, col[:besideTrained])
	}
	s.load(b)
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("train/threads=%d", threads), func(b *testing.B) { s.train(b, threads) })
		b.Run(fmt.Sprintf("predict/threads=%d", threads), func(b *testing.B) { s.predict(b, threads) })
		b.Run(fmt.Sprintf("scikit-learn/threads=%d", threads), func(b *testing.B) { s.scikit(b, threads) })
	}
	b.Run("row", s.row)
}

// beside is the state of the comparison.
type beside struct {
	*python
	all, first features.Matrix
	y, labels  []float64 // of the first rows, of all
	file       string    // for Python's predictions
	model      *trees.Ensemble
	threads    int // that trained model and Python's; 0 before
}

// load hands the values to Python, row by row as its users have them.
func (s *beside) load(b *testing.B) {
	dir := b.TempDir()
	s.file = filepath.Join(dir, "predictions")
	values := make([]float32, besideRows*besideColumns)
	for j, col := range s.all.Cols {
		for i, v := range col {
			values[i*besideColumns+j] = v
		}
	}
	request := map[string]any{"do": "load", "columns": besideColumns,
		"values": filepath.Join(dir, "values"), "labels": filepath.Join(dir, "labels")}
	for name, v := range map[string][]float32{"values": values, "labels": floats(s.y)} {
		raw, err := binary.Append(make([]byte, 0, 4*len(v)), binary.LittleEndian, v)
		if err == nil {
			err = os.WriteFile(request[name].(string), raw, 0o600)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	s.ask(b, request)
}

// train measures training by both sides.
func (s *beside) train(b *testing.B, threads int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	var ours, theirs best
	for b.Loop() {
		s.trainOurs(b, threads, &ours)
		s.trainTheirs(b, threads, &theirs)
	}
	report(b, "python", ours, theirs)
	b.ReportMetric(ours.cpu/theirs.cpu, "ours/python")
	b.ReportMetric(ours.wall/theirs.wall, "ours/python-clock")
}

func (s *beside) trainOurs(b *testing.B, threads int, times *best) {
	var err error
	watch := startWatch(b)
	s.model, err = (&Learner{Params: besideParams(threads)}).Train(b.Context(), s.first, s.y, nil)
	times.add(watch.stop(b))
	if err != nil {
		b.Fatal(err)
	}
	s.threads = threads
}

func (s *beside) trainTheirs(b *testing.B, threads int, times *best) {
	p := besideParams(threads)
	settings := map[string]string{}
	for _, kv := range p.settings(s.first.Names, p.baseScore(s.y, nil)) {
		settings[kv[0]] = kv[1]
	}
	a := s.ask(b, map[string]any{"do": "train", "threads": threads, "settings": settings, "rounds": p.Rounds})
	times.add(a.Matrix.CPU+a.Work.CPU, a.Matrix.Wall+a.Work.Wall)
}

// predict measures prediction by both sides.
func (s *beside) predict(b *testing.B, threads int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	if s.threads != threads {
		s.trainOurs(b, threads, &best{})
		s.trainTheirs(b, threads, &best{})
	}
	var ours, theirs best
	for b.Loop() {
		watch := startWatch(b)
		p, err := s.model.Predict(s.all)
		ours.add(watch.stop(b))
		if err != nil {
			b.Fatal(err)
		}
		for _, inplace := range []bool{false, true} {
			a := s.ask(b, map[string]any{"do": "predict", "threads": threads, "inplace": inplace, "out": s.file})
			theirs.add(a.Work.CPU, a.Work.Wall)
			s.compare(b, p)
		}
	}
	report(b, "python", ours, theirs)
	b.ReportMetric(theirs.cpu/ours.cpu, "python/ours")
	b.ReportMetric(theirs.wall/ours.wall, "python/ours-clock")
}

// scikit measures training and prediction beside scikit-learn.
func (s *beside) scikit(b *testing.B, threads int) {
	if out, err := exec.Command(debianPython, "-c", "import sklearn, threadpoolctl").CombinedOutput(); err != nil {
		b.Skipf("Python has no scikit-learn (Debian: apt install python3-sklearn): %v: %s", err, bytes.TrimSpace(out))
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	p := besideParams(threads)
	var ours, theirs, oursPredict, theirsPredict best
	for b.Loop() {
		s.trainOurs(b, threads, &ours)
		watch := startWatch(b)
		predicted, err := s.model.Predict(s.all)
		oursPredict.add(watch.stop(b))
		if err != nil {
			b.Fatal(err)
		}
		a := s.ask(b, map[string]any{"do": "scikit", "threads": threads, "rounds": p.Rounds, "rate": p.Eta, "depth": p.MaxDepth, "out": s.file})
		theirs.add(a.Matrix.CPU, a.Matrix.Wall)
		theirsPredict.add(a.Work.CPU, a.Work.Wall)
		b.ReportMetric(s.logLoss(func(i int) float64 { return predicted[i] }), "ours-logloss")
		other := s.predictions(b)
		b.ReportMetric(s.logLoss(func(i int) float64 { return float64(other[i]) }), "sklearn-logloss")
	}
	s.threads = 0 // Python's xgboost did not train with so many
	report(b, "sklearn", ours, theirs)
	b.ReportMetric(ours.cpu/theirs.cpu, "ours/sklearn")
	b.ReportMetric(ours.wall/theirs.wall, "ours/sklearn-clock")
	b.ReportMetric(theirsPredict.cpu/oursPredict.cpu, "sklearn/ours-predict")
}

// logLoss is the mean over the rows that nobody was trained on.
func (s *beside) logLoss(p func(i int) float64) float64 {
	total := 0.0
	for i := besideTrained; i < besideRows; i++ {
		likely := p(i)
		if s.labels[i] == 0 {
			likely = 1 - likely
		}
		total -= math.Log(max(likely, 1e-15))
	}
	return total / (besideRows - besideTrained)
}

// compare fails where Python's predictions are not ours.
func (s *beside) compare(b *testing.B, ours []float64) {
	theirs := s.predictions(b)
	for i, p := range ours {
		if !(math.Abs(p-float64(theirs[i])) <= 1e-6) { // the two round the link's exponential differently
			b.Fatalf("row %d: ours %v, Python's %v", i, p, theirs[i])
		}
	}
}

// predictions are what Python wrote last.
func (s *beside) predictions(b *testing.B) []float32 {
	raw, err := os.ReadFile(s.file)
	if err != nil {
		b.Fatal(err)
	}
	if len(raw) != 4*besideRows {
		b.Fatalf("Python predicted %d rows, not %d", len(raw)/4, besideRows)
	}
	out := make([]float32, besideRows)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

// row measures the prediction of single rows by both sides.
func (s *beside) row(b *testing.B) {
	if s.model == nil {
		s.trainOurs(b, 1, &best{})
		s.trainTheirs(b, 1, &best{})
	}
	row := make([]float32, besideColumns)
	var ours, theirs best
	for b.Loop() {
		watch := startWatch(b)
		for i := range besideSingles {
			for j, col := range s.all.Cols {
				row[j] = col[i]
			}
			s.model.PredictRow(row)
		}
		ours.add(watch.stop(b))
		a := s.ask(b, map[string]any{"do": "row", "rows": besideSingles})
		theirs.add(a.Work.CPU, a.Work.Wall)
	}
	b.ReportMetric(1e6*ours.cpu/besideSingles, "ours-µs")
	b.ReportMetric(1e6*theirs.cpu/besideSingles, "python-µs")
	b.ReportMetric(0, "ns/op")
}

// best is the least of several turns, in seconds.
type best struct{ cpu, wall float64 }

func (t *best) add(cpu, wall float64) {
	if t.wall == 0 || cpu < t.cpu {
		t.cpu = cpu
	}
	if t.wall == 0 || wall < t.wall {
		t.wall = wall
	}
}

func report(b *testing.B, other string, ours, theirs best) {
	b.ReportMetric(ours.cpu, "ours-cpu-s")
	b.ReportMetric(theirs.cpu, other+"-cpu-s")
	b.ReportMetric(0, "ns/op")
}

// stopwatch measures this process.
type stopwatch struct {
	cpu  time.Duration
	wall time.Time
}

func startWatch(b *testing.B) stopwatch {
	runtime.GC() // what was left by others is not ours to pay
	return stopwatch{cpu: processorTime(b), wall: time.Now()}
}

func (w stopwatch) stop(b *testing.B) (cpu, wall float64) {
	return (processorTime(b) - w.cpu).Seconds(), time.Since(w.wall).Seconds()
}

// python is a running testdata/beside.py.
type python struct {
	in     io.Writer
	out    *bufio.Reader
	errors *bytes.Buffer
}

// answer is one line of beside.py.
type answer struct {
	Matrix, Work struct{ CPU, Wall float64 }
}

// debianPython has the packages of Debian, another one on the path may not.
const debianPython = "/usr/bin/python3"

// startPython starts the script, or skips where it cannot run.
func startPython(b *testing.B) *python {
	if _, err := os.Stat(debianPython); errors.Is(err, fs.ErrNotExist) {
		b.Skipf("%s is not here (Debian: apt install python3-xgboost)", debianPython)
	}
	if out, err := exec.Command(debianPython, "-c", "import numpy, xgboost").CombinedOutput(); err != nil {
		b.Skipf("Python has no xgboost (Debian: apt install python3-xgboost): %v: %s", err, bytes.TrimSpace(out))
	}
	cmd := exec.Command(debianPython, filepath.Join("testdata", "beside.py"))
	p := &python{errors: &bytes.Buffer{}}
	cmd.Stderr = p.errors
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close() // the script ends at the end of its input
		if err := cmd.Wait(); err != nil && !b.Failed() {
			b.Errorf("beside.py: %v: %s", err, p.errors)
		}
	})
	p.in, p.out = in, bufio.NewReader(out)
	return p
}

// ask sends one request and reads its answer.
func (p *python) ask(b *testing.B, request any) (a answer) {
	line, err := json.Marshal(request)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		b.Fatalf("beside.py: %v: %s", err, p.errors)
	}
	reply, err := p.out.ReadBytes('\n')
	if err != nil {
		b.Fatalf("beside.py: %v: %s", err, p.errors)
	}
	if err := json.Unmarshal(reply, &a); err != nil {
		b.Fatalf("beside.py answers %q: %v", reply, err)
	}
	return a
}
