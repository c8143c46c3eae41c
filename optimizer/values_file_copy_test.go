package optimizer

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// Both ways to read a file hand over the same blocks.
func TestCopiedBlocksAreTheMappedOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	if err := (Instance{Customers: 50_000, Channels: 5, Days: 14, Segments: 3, Seed: 9}).WriteFile(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	mapped, err := OpenValues(path)
	if err != nil {
		t.Fatal(err)
	}
	defer mapped.Close()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	copied := &FileValues{path: path, layout: mapped.layout, file: f, blocks: &copiedFile{file: f}}
	if copied.Blocks() < 3 {
		t.Fatalf("%d blocks do not test", copied.Blocks())
	}
	for k := range copied.Blocks() {
		var seen [2]Block
		for i, v := range []*FileValues{copied, mapped} {
			err := v.Read(context.Background(), k, func(b Block) error {
				b.Narrow, b.Profile = append([]float32(nil), b.Narrow...), append([]int32(nil), b.Profile...)
				seen[i] = b
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(seen[0], seen[1]) {
			t.Fatalf("block %d differs", k)
		}
	}
}
