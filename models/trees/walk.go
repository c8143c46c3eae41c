package trees

// plainWalk is what walk8 does on machines of which no walk is written.
func plainWalk(nodes []packedNode, keys []uint32, depth int, at *[lanes8]uint32) {
	*at = [lanes8]uint32{}
	for range depth {
		for lane := range at {
			n := &nodes[at[lane]]
			k := uint64(keys[int(n.column)+lane])
			at[lane] = uint32(n.next) - uint32((k-uint64(n.threshold))>>63)
		}
	}
}
