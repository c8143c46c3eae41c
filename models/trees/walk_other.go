//go:build !amd64

package trees

func walk8(nodes []packedNode, keys []uint32, depth int, at *[lanes8]uint32) {
	plainWalk(nodes, keys, depth, at)
}
