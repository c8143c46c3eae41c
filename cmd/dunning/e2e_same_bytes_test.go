package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/pipeline"
)

// The same seed gives the same bytes in another home and on another number of
// cores, from the simulator to the report. Two processes with an environment
// of their own do it, because the number of cores of a process is fixed at its
// start. 500 customers are two blocks of the simulator and 60 of each
// partition of the lake: enough for both cores to share every table.
func TestEndToEndSameSeedSameBytes(t *testing.T) {
	root := t.TempDir()
	homes := []string{filepath.Join(root, "one"), filepath.Join(root, "elsewhere", "two")}
	var outputs, inputs []map[string]string
	for i, cores := range []string{"1", "2"} {
		env := []string{"GOMAXPROCS=" + cores, "OMP_NUM_THREADS=" + cores}
		mustProgram(t, env, "simulate", "--home", homes[i], "--customers", "500", "--months", "8", "--seed", "7", "--dirty", "0.01")
		smallModels(t, homes[i])
		mustProgram(t, env, "run", "--home", homes[i])
		nothingLeft(t, homes[i])
		outputs = append(outputs, outputHashes(t, homes[i]))
		inputs = append(inputs, fileHashes(t, homes[i], "sources", "truth"))
	}
	sameHashes(t, outputs[0], outputs[1])
	if len(inputs[0]) < 10 {
		t.Fatalf("only %d files simulated", len(inputs[0]))
	}
	for name, sum := range inputs[0] {
		if inputs[1][name] != sum {
			t.Errorf("%s differs", name)
		}
	}
	version := programHash(t)
	for i, home := range homes {
		for stage, folder := range stageFolders(t, home) {
			out, err := pipeline.OpenOutput(folder)
			if err != nil {
				t.Fatal(err)
			}
			if out.Manifest.CodeVersion != version {
				t.Errorf("run %d, %s: code version %s; the running program's hash is %s", i+1, stage, out.Manifest.CodeVersion, version)
			}
		}
	}
}

// Another seed gives another portfolio: the hashes that agree above are of
// something.
func TestEndToEndAnotherSeedAnotherPortfolio(t *testing.T) {
	root := t.TempDir()
	var sums []map[string]string
	for _, seed := range []string{"7", "8"} {
		home := filepath.Join(root, seed)
		must(t, "simulate", "--home", home, "--customers", "50", "--months", "3", "--seed", seed)
		sums = append(sums, fileHashes(t, home, "sources", "truth"))
	}
	for name, sum := range sums[0] {
		if sums[1][name] == sum {
			t.Errorf("%s is the same with another seed", name)
		}
	}
}

// fileHashes returns the hash of every file under some folders of a home.
func fileHashes(t *testing.T, home string, folders ...string) map[string]string {
	t.Helper()
	hashes := map[string]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(home, folder), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				hashes[strings.TrimPrefix(path, home)] = fileHash(t, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return hashes
}

func fileHash(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func programHash(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fileHash(t, self)
}
