//go:build !cgo || !amd64

package optimizer

// fastKernel is the Go kernel where there is no C.
func fastKernel(prices goKernel) kernel { return prices }

// readNarrow sums values.
func readNarrow(values []float32) float64 { return readGo(values) }
