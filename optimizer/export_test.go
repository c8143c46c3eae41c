package optimizer

import (
	"path/filepath"
	"testing"
)

// WriteParted writes customers, as an instance in memory has them, to a file that gets a
// part however few they are.
func WriteParted(t *testing.T, from *MemoryValues) *FileValues {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values")
	w, err := CreateValues(path, from.Slots(), from.profile != nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	w.partFrom = 1
	row := make([]float64, from.Slots())
	all := from.block(0, from.Customers())
	for i := range from.Customers() {
		if err := w.Add(all.profile(i), all.values(i, row)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	v, err := OpenValues(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}
