//go:build cgo && amd64

package optimizer

// #cgo CFLAGS: -O3
// #include <stdlib.h>
// #include "kernel.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// kernelLeastSlots is how many slots the C kernel needs to fill a vector.
const kernelLeastSlots = 8

var kernelInC = C.kernel_supported() == 1

// fastKernel returns the C kernel where the processor has it and the slots fill
// a vector, the Go kernel elsewhere.
func fastKernel(prices goKernel) kernel {
	if !kernelInC || len(prices[0].price) < kernelLeastSlots {
		return prices
	}
	k := &cKernel{slots: len(prices[0].price)}
	k.table = (*C.struct_kernel_prices)(C.calloc(C.size_t(len(prices)), C.sizeof_struct_kernel_prices))
	for i, p := range unsafe.Slice(k.table, len(prices)) {
		p.price = k.copy(prices[i].price)
		p.threshold = k.copy(prices[i].threshold)
		p.hold = k.copy(prices[i].hold)
		p.reach = C.float(prices[i].reach)
		unsafe.Slice(k.table, len(prices))[i] = p
	}
	return k
}

// cKernel keeps its prices in C memory, where C may follow pointers.
type cKernel struct {
	slots int
	table *C.struct_kernel_prices
	owned []unsafe.Pointer
}

func (k *cKernel) copy(of []float32) *C.float {
	at := C.malloc(C.size_t(4 * len(of)))
	copy(unsafe.Slice((*float32)(at), len(of)), of)
	k.owned = append(k.owned, at)
	return (*C.float)(at)
}

func (k *cKernel) scan(b Block, t *tally, chosen []Rungs) {
	if cap(t.open) < b.Customers {
		t.open = make([]int32, b.Customers)
	}
	t.open = t.open[:b.Customers]
	if b.Customers == 0 {
		return
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&t.counts[0])
	pin.Pin(&t.open[0])
	c := C.struct_kernel_tally{counts: (*C.int64_t)(&t.counts[0]), hi: C.int64_t(t.worth.hi), lo: C.uint64_t(t.worth.lo),
		open: (*C.int32_t)(&t.open[0])}
	if chosen != nil {
		pin.Pin(&chosen[0])
		c.chosen = (*C.uint64_t)(&chosen[0])
	}
	var profiles *C.int32_t
	if b.Profile != nil {
		profiles = (*C.int32_t)(&b.Profile[0])
	}
	C.kernel_scan((*C.float)(&b.Narrow[0]), profiles, C.int64_t(b.Customers), C.int64_t(k.slots), k.table, &c)
	t.worth.hi, t.worth.lo = int64(c.hi), uint64(c.lo)
	t.open = t.open[:c.opened]
}

func (k *cKernel) close() {
	for _, at := range k.owned {
		C.free(at)
	}
	C.free(unsafe.Pointer(k.table))
	k.owned, k.table = nil, nil
}

// readNarrow sums values as fast as memory gives them.
func readNarrow(values []float32) float64 {
	if !kernelInC || len(values) == 0 {
		return readGo(values)
	}
	return float64(C.kernel_read((*C.float)(&values[0]), C.int64_t(len(values))))
}
