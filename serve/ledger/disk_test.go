package ledger_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// diskEnv tells this test binary to work on the disk of testdata/disk.c, which
// is preloaded into it.
const diskEnv = "DUNNING_LEDGER_DISK"

// diskLibrary compiles the disk.
func diskLibrary(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("LD_PRELOAD is of Linux")
	}
	library := filepath.Join(t.TempDir(), "disk.so")
	out, err := exec.Command("cc", "-O1", "-Wall", "-shared", "-fPIC", "-o", library, "testdata/disk.c", "-ldl").CombinedOutput()
	if err != nil {
		t.Fatalf("cc: %v: %s", err, out)
	}
	return library
}

// diskProcess runs this test binary on the disk of a library until it ends, with
// the work that diskVictim is to do, and returns what it printed.
func diskProcess(t *testing.T, library string, work diskWork) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	work.Control = filepath.Join(t.TempDir(), "control")
	if err := os.WriteFile(work.Control, make([]byte, unsafe.Sizeof(diskControl{})), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(work)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), diskEnv+"="+string(text), "LD_PRELOAD="+library, "DISK_FOLDER="+work.Folder+"/", "DISK_CONTROL="+work.Control)
	if work.Trace != "" {
		cmd.Env = append(cmd.Env, "DISK_TRACE="+work.Trace)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s%s", err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.String()
}

// diskControl is how a process tells its disk to fail; the same words are in
// disk.c.
type diskControl struct {
	What   int64 // 'W': writes and changes of length; 'S': syncs; 0: nothing
	After  int64 // so many more succeed
	Errno  int64
	On     int64 // 1: all after it fail too
	Short  int64 // so many bytes of the failing write are written before
	Failed int64
}

// openControl maps the words into this process.
func openControl(path string) (*diskControl, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := syscall.Mmap(int(f.Fd()), 0, int(unsafe.Sizeof(diskControl{})), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*diskControl)(unsafe.Pointer(&b[0])), nil
}

// diskRecord is one thing that happened on the disk, or a word of the process
// itself (kind 'A').
type diskRecord struct {
	kind   byte
	name   string // within the folder; "" for the folder
	offset int64
	data   []byte
}

// traceLine is a record of the process itself, as it is appended to the trace.
func traceLine(text string) []byte {
	b := make([]byte, 32, 32+len(text))
	b[0] = 'A'
	binary.LittleEndian.PutUint64(b[8:], uint64(len(text)))
	return append(b, text...)
}

// readTrace reads what a process did to the files of a folder.
func readTrace(t *testing.T, path, folder string) []diskRecord {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []diskRecord
	for len(b) > 0 {
		name, size := binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[24:])
		r := diskRecord{kind: b[0], name: string(b[32 : 32+name]), offset: int64(binary.LittleEndian.Uint64(b[16:])), data: b[32+name : 32+name+size]}
		if r.kind != 'A' {
			r.name = strings.TrimPrefix(strings.TrimPrefix(r.name, folder), "/")
		}
		out = append(out, r)
		b = b[32+name+size:]
	}
	return out
}

// disk is what a system knows of a folder: what it promised to keep, and what
// it would like to forget.
type disk struct {
	names   map[string]*diskFile // as processes see them
	kept    map[string]*diskFile // as they are after a power cut
	changes []diskChange         // since the folder was synced, in order
	rng     *rand.Rand
}

type diskChange struct {
	name string
	file *diskFile // nil: removed
}

// diskFile is a file: what was synced, and what was done to it since.
type diskFile struct {
	synced  []byte
	pending []diskRecord
}

func newDisk(rng *rand.Rand) *disk {
	return &disk{names: map[string]*diskFile{}, kept: map[string]*diskFile{}, rng: rng}
}

// apply lets one thing happen.
func (d *disk) apply(r diskRecord) {
	f := d.names[r.name]
	switch r.kind {
	case 'U':
		delete(d.names, r.name)
		d.changes = append(d.changes, diskChange{name: r.name})
	case 'S', 'F':
		switch {
		case f != nil && r.kind == 'S':
			f.synced, f.pending = f.after(wholeWrites, d.rng), nil
		case f != nil:
			// What a failed sync leaves behind is forgotten for good: the next
			// sync succeeds without it.
			f.synced, f.pending = f.after(tornWrites, d.rng), nil
		case r.name == "" && r.kind == 'S':
			d.kept, d.changes = d.namesAfter(len(d.changes)), nil
		}
	case 'C', 'W', 'T':
		if f == nil { // a 'W' first: the process made the file past the library
			f = &diskFile{}
			d.names[r.name] = f
			d.changes = append(d.changes, diskChange{r.name, f})
		}
		if r.kind != 'C' {
			f.pending = append(f.pending, r)
		}
	}
}

// namesAfter is which files there are if only so many changes were kept. A
// system keeps them in their order.
func (d *disk) namesAfter(n int) map[string]*diskFile {
	names := maps.Clone(d.kept)
	for _, c := range d.changes[:n] {
		if c.file == nil {
			delete(names, c.name)
		} else {
			names[c.name] = c.file
		}
	}
	return names
}

// cut is what a power cut does to what was not synced.
type cut string

const (
	wholeWrites cut = "nothing is forgotten" // as kill -9 leaves it
	noWrites    cut = "all that was not synced is forgotten"
	firstWrites cut = "the last writes are forgotten, one is torn"
	tornWrites  cut = "any sectors are forgotten"
)

// sector is the most that a disk writes whole or not at all.
const sector = 512

// after is a file's contents after a power cut.
func (f *diskFile) after(how cut, rng *rand.Rand) []byte {
	b := slices.Clone(f.synced)
	whole := len(f.pending)
	switch how {
	case noWrites:
		return b
	case tornWrites:
		whole = 0
	case firstWrites:
		whole = rng.IntN(len(f.pending) + 1)
	}
	for i, r := range f.pending {
		switch {
		case i < whole:
			b = r.on(b, nil)
		case how == tornWrites || i == whole:
			b = r.on(b, rng)
		}
	}
	return b
}

// on does a write or a change of length to contents; with rng, to any of its
// sectors only.
func (r diskRecord) on(b []byte, rng *rand.Rand) []byte {
	if r.kind == 'T' {
		if rng != nil && rng.IntN(2) == 0 {
			return b
		}
		return resized(b, int(r.offset))
	}
	for from := 0; from < len(r.data); {
		to := min(len(r.data), from+sector-(int(r.offset)+from)%sector)
		if rng == nil || rng.IntN(2) == 0 {
			at := int(r.offset) + from
			if end := int(r.offset) + to; end > len(b) {
				b = resized(b, end)
			}
			copy(b[at:], r.data[from:to])
		}
		from = to
	}
	return b
}

// resized cuts contents, or adds zeros to them.
func resized(b []byte, n int) []byte {
	if n <= len(b) {
		return b[:n]
	}
	return append(b, make([]byte, n-len(b))...)
}

// write puts what is left after a power cut into a folder.
func (d *disk) write(t *testing.T, folder string, how cut) {
	t.Helper()
	n := d.rng.IntN(len(d.changes) + 1)
	switch how {
	case noWrites:
		n = 0
	case wholeWrites:
		n = len(d.changes)
	}
	for name, f := range d.namesAfter(n) {
		if err := os.WriteFile(filepath.Join(folder, name), f.after(how, d.rng), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
