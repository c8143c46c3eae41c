//go:build cgo

package xgb

/*
#cgo LDFLAGS: -lxgboost
#include <stdlib.h>
#include <stdint.h>
#include <stdio.h>
#include <xgboost/c_api.h>

// A columns iterator hands the columns of a matrix to XGBoost in row-major
// blocks, so that the whole matrix is never copied.
typedef struct {
	const float **cols;
	const float *labels;
	const float *weights; // NULL for all ones
	size_t num_rows, num_cols, block_rows, at;
	float *block;
	char interface[160];
	DMatrixHandle proxy;
} dunning_columns;

static void dunning_reset(DataIterHandle h) { ((dunning_columns*)h)->at = 0; }

// Returns 1 while there is a block, 0 after the last; XGBoost's contract.
static int dunning_next(DataIterHandle h) {
	dunning_columns *c = (dunning_columns*)h;
	if (c->at >= c->num_rows) return 0;
	size_t n = c->num_rows - c->at;
	if (n > c->block_rows) n = c->block_rows;
	for (size_t j = 0; j < c->num_cols; j++) {
		const float *col = c->cols[j] + c->at;
		for (size_t i = 0; i < n; i++) c->block[i * c->num_cols + j] = col[i];
	}
	snprintf(c->interface, sizeof c->interface,
		"{\"data\":[%zu,true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
		(size_t)c->block, n, c->num_cols);
	if (XGProxyDMatrixSetDataDense(c->proxy, c->interface) != 0) return 0;
	if (XGDMatrixSetDenseInfo(c->proxy, "label", c->labels + c->at, n, 1) != 0) return 0;
	if (c->weights && XGDMatrixSetDenseInfo(c->proxy, "weight", c->weights + c->at, n, 1) != 0) return 0;
	c->at += n;
	return 1;
}

static int dunning_quantile_matrix(dunning_columns *c, const char *config, DMatrixHandle *out) {
	int rc = XGProxyDMatrixCreate(&c->proxy);
	if (rc != 0) return rc;
	c->at = 0;
	rc = XGQuantileDMatrixCreateFromCallback(c, c->proxy, NULL, dunning_reset, dunning_next, config, out);
	XGDMatrixFree(c->proxy);
	return rc;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"unsafe"

	"dunning/features"
)

// status turns a return value of the library into an error. It must be called
// on the thread that made the call: the message is kept per thread, and Fit
// holds its thread for that.
func status(call string, rc C.int) error {
	switch rc {
	case 0:
		return nil
	case -1:
		return fmt.Errorf("xgb: %s: %s", call, C.GoString(C.XGBGetLastError()))
	}
	return fmt.Errorf("xgb: %s: unknown status %d", call, int(rc))
}

// dmatrix owns a DMatrix of the library.
type dmatrix struct {
	handle C.DMatrixHandle
	rows   int
}

// Close frees the matrix; a second call does nothing.
func (d *dmatrix) Close() error {
	if d.handle == nil {
		return nil
	}
	err := status("XGDMatrixFree", C.XGDMatrixFree(d.handle))
	d.handle = nil
	return err
}

// iteratorBlockRows is how many rows are handed over at a time.
const iteratorBlockRows = 8192

// newQuantileMatrix bins the columns of X into a training matrix, about one
// byte per value.
func newQuantileMatrix(X features.Matrix, y, w []float64, maxBin, threads int) (*dmatrix, error) {
	n, m := X.Rows(), len(X.Cols)
	var pin runtime.Pinner
	defer pin.Unpin()
	it := (*C.dunning_columns)(C.calloc(1, C.sizeof_dunning_columns))
	cols := (**C.float)(C.calloc(C.size_t(m), C.size_t(unsafe.Sizeof(uintptr(0)))))
	block := (*C.float)(C.calloc(C.size_t(m*iteratorBlockRows), 4))
	defer C.free(unsafe.Pointer(it))
	defer C.free(unsafe.Pointer(cols))
	defer C.free(unsafe.Pointer(block))
	pointers := unsafe.Slice(cols, m)
	for j := range pointers {
		first := &X.Cols[j][0]
		pin.Pin(first)
		pointers[j] = (*C.float)(unsafe.Pointer(first))
	}
	labels := floats(y)
	pin.Pin(&labels[0])
	it.labels = (*C.float)(unsafe.Pointer(&labels[0]))
	if w != nil {
		weights := floats(w)
		pin.Pin(&weights[0])
		it.weights = (*C.float)(unsafe.Pointer(&weights[0]))
	}
	it.cols, it.block = cols, block
	it.num_rows, it.num_cols, it.block_rows = C.size_t(n), C.size_t(m), iteratorBlockRows
	config := C.CString(fmt.Sprintf(`{"missing": NaN, "nthread": %d, "max_bin": %d}`, threads, maxBin))
	defer C.free(unsafe.Pointer(config))
	d := &dmatrix{rows: n}
	err := status("XGQuantileDMatrixCreateFromCallback", C.dunning_quantile_matrix(it, config, &d.handle))
	if err != nil {
		return nil, err
	}
	var rows C.bst_ulong
	if err := status("XGDMatrixNumRow", C.XGDMatrixNumRow(d.handle, &rows)); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if int(rows) != n {
		return nil, errors.Join(fmt.Errorf("xgb: XGBoost read %d of %d rows", rows, n), d.Close())
	}
	return d, nil
}

// newDenseMatrix copies the columns of X into an ordinary matrix, which can be
// predicted; about eight bytes per value.
func newDenseMatrix(X features.Matrix, threads int) (*dmatrix, error) {
	n, m := X.Rows(), len(X.Cols)
	values := make([]float32, n*m)
	for j, col := range X.Cols {
		for i, v := range col {
			values[i*m+j] = v
		}
	}
	d := &dmatrix{rows: n}
	err := status("XGDMatrixCreateFromMat_omp", C.XGDMatrixCreateFromMat_omp((*C.float)(unsafe.Pointer(&values[0])),
		C.bst_ulong(n), C.bst_ulong(m), C.float(math.NaN()), &d.handle, C.int(threads)))
	if err != nil {
		return nil, err
	}
	return d, nil
}

// booster owns a Booster of the library.
type booster struct{ handle C.BoosterHandle }

// newBooster makes a booster that keeps the predictions of the given matrices
// up to date between rounds.
func newBooster(cache ...*dmatrix) (*booster, error) {
	handles := make([]C.DMatrixHandle, len(cache))
	for i, d := range cache {
		handles[i] = d.handle
	}
	var first *C.DMatrixHandle
	if len(handles) > 0 {
		first = &handles[0]
	}
	b := &booster{}
	if err := status("XGBoosterCreate", C.XGBoosterCreate(first, C.bst_ulong(len(handles)), &b.handle)); err != nil {
		return nil, err
	}
	return b, nil
}

// Close frees the booster; a second call does nothing.
func (b *booster) Close() error {
	if b.handle == nil {
		return nil
	}
	err := status("XGBoosterFree", C.XGBoosterFree(b.handle))
	b.handle = nil
	return err
}

func (b *booster) set(name, value string) error {
	cname, cvalue := C.CString(name), C.CString(value)
	defer C.free(unsafe.Pointer(cname))
	defer C.free(unsafe.Pointer(cvalue))
	return status("XGBoosterSetParam "+name, C.XGBoosterSetParam(b.handle, cname, cvalue))
}

func (b *booster) update(round int, d *dmatrix) error {
	return status("XGBoosterUpdateOneIter", C.XGBoosterUpdateOneIter(b.handle, C.int(round), d.handle))
}

// Kinds of prediction of XGBoosterPredictFromDMatrix.
const (
	predictValue    = 0
	predictMargin   = 1
	predictContribs = 2
)

// predict returns a copy of the library's predictions, row by row.
func (b *booster) predict(d *dmatrix, kind int) ([]float32, error) {
	config := C.CString(fmt.Sprintf(`{"type": %d, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": false}`, kind))
	defer C.free(unsafe.Pointer(config))
	var shape *C.bst_ulong
	var dim C.bst_ulong
	var result *C.float
	err := status("XGBoosterPredictFromDMatrix", C.XGBoosterPredictFromDMatrix(b.handle, d.handle, config, &shape, &dim, &result))
	if err != nil {
		return nil, err
	}
	size := 1
	for _, s := range unsafe.Slice(shape, int(dim)) {
		size *= int(s)
	}
	out := make([]float32, size)
	copy(out, unsafe.Slice((*float32)(unsafe.Pointer(result)), size))
	return out, nil
}

// save returns the model in XGBoost's JSON.
func (b *booster) save() ([]byte, error) {
	config := C.CString(`{"format": "json"}`)
	defer C.free(unsafe.Pointer(config))
	var n C.bst_ulong
	var p *C.char
	if err := status("XGBoosterSaveModelToBuffer", C.XGBoosterSaveModelToBuffer(b.handle, config, &n, &p)); err != nil {
		return nil, err
	}
	out := make([]byte, int(n))
	copy(out, unsafe.Slice((*byte)(unsafe.Pointer(p)), int(n)))
	return out, nil
}

// floats narrows labels and weights to what the library takes.
func floats(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}
