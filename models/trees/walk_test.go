package trees

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The walk written for this machine ends where the plain one ends, whatever the
// keys: the smallest and the largest, those next to a threshold, and any other.
func TestWalkIsThePlainWalk(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for _, c := range []struct{ depth, columns int }{{0, 1}, {1, 1}, {3, 2}, {6, 60}, {15, 8191}} {
		nodes := randomPacked(rng, c.depth, c.columns)
		for range 30 {
			keys := make([]uint32, c.columns*lanes8)
			for i := range keys {
				switch rng.IntN(4) {
				case 0:
					keys[i] = nodes[rng.IntN(len(nodes))].threshold + uint32(rng.IntN(3)) - 1
				case 1:
					keys[i] = []uint32{0, math.MaxUint32}[rng.IntN(2)]
				default:
					keys[i] = rng.Uint32()
				}
			}
			var got, want [lanes8]uint32
			walk8(nodes, keys, c.depth, &got)
			plainWalk(nodes, keys, c.depth, &want)
			if got != want {
				t.Fatalf("depth %d, %d columns: ends at %v, plainly at %v", c.depth, c.columns, got, want)
			}
		}
	}
}

// randomPacked is a tree some of whose paths end early, of 1<<16 nodes at most.
func randomPacked(rng *rand.Rand, depth, columns int) []packedNode {
	nodes := []packedNode{{}}
	level := []int{0}
	for range depth {
		var below []int
		for _, i := range level {
			if len(nodes)+2 > 1<<16 || len(below) > 2 && rng.IntN(5) == 0 {
				continue
			}
			nodes[i] = packedNode{threshold: rng.Uint32() | 1, column: uint16(rng.IntN(columns) * lanes8), next: uint16(len(nodes) + 1)}
			below = append(below, len(nodes), len(nodes)+1)
			nodes = append(nodes, packedNode{next: uint16(len(nodes))}, packedNode{next: uint16(len(nodes) + 1)})
		}
		level = below
	}
	return nodes
}
