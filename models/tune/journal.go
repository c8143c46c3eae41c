package tune

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"syscall"

	"dunning/data"
)

// journalVersion changes when the trials of an old journal no longer are those
// that a search would make.
const journalVersion = 1

// header is the first line of a journal.
type header struct {
	Version int    `json:"journal_version"`
	Search  string `json:"search"` // fingerprint of problem and search
	Seed    uint64 `json:"seed"`
	Space   Space  `json:"space"`
}

// journal is the file of one search: a header, then a line per trial. A line
// counts once it ends; what a death cut off is made again.
type journal struct {
	path   string
	file   *os.File
	trials []Trial
}

// openJournal opens or begins the journal of a search in a folder, and locks it
// until Close: another process at work on it is an error that wraps
// [data.ErrRefused]. A journal that holds anything else than such a search
// wrote wraps [data.ErrDamagedFile].
func openJournal(folder string, h header) (*journal, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("%w: the journal's folder: %w", data.ErrUsage, err)
	}
	j := &journal{path: filepath.Join(folder, h.Search[:12]+".jsonl")}
	var err error
	if j.file, err = os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, fmt.Errorf("%w: the journal: %w", data.ErrUsage, err)
	}
	if err = j.load(h); err != nil {
		j.file.Close()
		return nil, err
	}
	return j, nil
}

func (j *journal) load(h header) error {
	if err := syscall.Flock(int(j.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("%w: another search is at work on %s; wait until it ends", data.ErrRefused, j.path)
		}
		return fmt.Errorf("tune: lock %s: %w", j.path, err)
	}
	whole, first, err := j.read()
	if err != nil {
		return err
	}
	want, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	if err := j.file.Truncate(whole); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	if _, err := j.file.Seek(whole, io.SeekStart); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	if first == nil {
		if err := j.append(h); err != nil {
			return err
		}
		return data.SyncDir(filepath.Dir(j.path))
	}
	if !bytes.Equal(first, want) {
		return j.damaged(1, errors.New("it is the journal of another search"))
	}
	return nil
}

// read reads the lines that end and returns where the last of them does.
func (j *journal) read() (whole int64, first []byte, err error) {
	r := bufio.NewReader(j.file)
	for n := 0; ; n++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return whole, first, nil
		}
		if err != nil {
			return 0, nil, fmt.Errorf("tune: %s: %w", j.path, err)
		}
		whole += int64(len(line))
		if n == 0 {
			first = bytes.TrimSuffix(line, []byte("\n"))
			continue
		}
		var t Trial
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&t); err != nil {
			return 0, nil, j.damaged(n+1, err)
		}
		if t.N != n-1 || len(t.Losses) == 0 || t.Rounds < 1 {
			return 0, nil, j.damaged(n+1, fmt.Errorf("it is no trial %d", n-1))
		}
		j.trials = append(j.trials, t)
	}
}

func (j *journal) damaged(line int, reason error) error {
	return fmt.Errorf("%s line %d: %w: %w; remove the file to search anew", j.path, line, data.ErrDamagedFile, reason)
}

// append writes a line and makes it durable.
func (j *journal) append(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	if _, err := j.file.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("tune: %s: %w", j.path, err)
	}
	return nil
}

// Close unlocks the journal.
func (j *journal) Close() error { return j.file.Close() }

// fingerprint hashes all that the trials depend on: the search, and of the
// problem what its folds read.
func fingerprint(s Search, p *Problem) (string, error) {
	h := sha256.New()
	b, err := json.Marshal([]any{journalVersion, s.Space, s.Seed, s.InForce, s.Rounds, p.Base, p.Calibrated, p.X.Names})
	if err != nil {
		return "", fmt.Errorf("tune: %w", err)
	}
	h.Write(b)
	w := bufio.NewWriter(h)
	number := func(v uint64) { w.Write(binary.LittleEndian.AppendUint64(nil, v)) } // a hash cannot fail
	used := map[int]bool{}
	for _, f := range p.Folds.all() {
		for _, rows := range [][]int{f.Train, f.Valid} {
			number(uint64(len(rows)))
			for _, i := range rows {
				number(uint64(i))
				used[i] = true
			}
		}
	}
	for i, y := range p.Y {
		if !used[i] {
			continue
		}
		number(math.Float64bits(y))
		if p.Unit != nil {
			fmt.Fprintf(w, "%q", p.Unit[i])
		}
		for _, col := range p.X.Cols {
			number(uint64(math.Float32bits(col[i])))
		}
	}
	if err := w.Flush(); err != nil {
		return "", fmt.Errorf("tune: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
