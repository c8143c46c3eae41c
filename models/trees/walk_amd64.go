package trees

// machineWalk walks one tree for the eight rows of a group and leaves in at
// where each ends. nodes is the tree's root and keys the group's first key. It
// is written for the machine because the compiler keeps too few of eight walks
// in registers, and a walk alone waits for its loads. Nothing checks its bounds:
// [Ensemble] is sound, and every column is in the group.
//
//go:noescape
func machineWalk(nodes *packedNode, keys *uint32, depth int, at *[lanes8]uint32)

func walk8(nodes []packedNode, keys []uint32, depth int, at *[lanes8]uint32) {
	machineWalk(&nodes[0], &keys[0], depth, at)
}
