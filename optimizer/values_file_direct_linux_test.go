package optimizer

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// openDirectValues opens a values file past the system's cache.
func openDirectValues(t *testing.T, path string) *FileValues {
	t.Helper()
	v, err := OpenValues(path)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := openDirect(v.file, v.layout.bytes(v.layout.perBlock))
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EOPNOTSUPP) {
		t.Skip("the file system has no reads past the system's cache")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := v.blocks.close(); err != nil {
		t.Fatal(err)
	}
	v.blocks = direct
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// sums reads all blocks on so many goroutines and returns their checksums; it stops
// after so many blocks.
func sums(t *testing.T, v *FileValues, readers, blocks int) []uint32 {
	t.Helper()
	out := make([]uint32, blocks)
	var wg sync.WaitGroup
	turns := make(chan int, blocks)
	for k := range blocks {
		turns <- k
	}
	close(turns)
	for range readers {
		wg.Go(func() {
			for k := range turns {
				err := v.Read(context.Background(), k, func(b Block) error {
					out[k] = crc32.Update(crc32.Checksum(asBytes(b.Narrow), castagnoli), castagnoli, asBytes(b.Profile))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return out
}

// What is read past the cache are the same blocks, with more readers than buffers, and
// again after a read that stopped on the way with blocks ahead.
func TestDirectBlocksAreTheMappedOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	if err := (Instance{Customers: 600_000, Channels: 5, Days: 14, Segments: 3, Seed: 9}).WriteFile(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	mapped, err := OpenValues(path)
	if err != nil {
		t.Fatal(err)
	}
	defer mapped.Close()
	direct := openDirectValues(t, path)
	blocks := mapped.Blocks()
	if blocks < 30 {
		t.Fatalf("%d blocks do not test", blocks)
	}
	want := sums(t, mapped, 2, blocks)
	for _, readers := range []int{1, 2, 2 * directBuffers} {
		sums(t, direct, readers, 5)
		if got := sums(t, direct, readers, blocks); !slices.Equal(got, want) {
			t.Fatalf("%d readers: other blocks", readers)
		}
	}
	if made := len(direct.blocks.(*directFile).made); made > directBuffers {
		t.Errorf("%d buffers", made)
	}
}

// A file that is cut short under the reader is an error, not a crash.
func TestDirectFileCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	if err := (Instance{Customers: 40_000, Channels: 5, Days: 14, Seed: 9}).WriteFile(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	v := openDirectValues(t, path)
	if err := os.Truncate(path, 5<<20+100); err != nil {
		t.Fatal(err)
	}
	nothing := func(Block) error { return nil }
	if err := v.Read(context.Background(), 0, nothing); err != nil {
		t.Errorf("a block that is there: %v", err)
	}
	if err := v.Read(context.Background(), 1, nothing); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v, want that the file ends", err)
	}
}
