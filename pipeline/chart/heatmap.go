package chart

import (
	"math"
	"strconv"
)

// HeatMap draws a table of values, the darker the higher: rows by columns,
// each cell with its value in words. A NaN is an empty cell. The colour is
// fullest at the value full and beyond. It returns nil when no cell has a value.
func HeatMap(f Frame, rows, cols []string, cells [][]float64, full float64) []byte {
	if _, _, ok := bounds(cells...); !ok {
		return nil
	}
	left := 0.0
	for _, r := range rows {
		left = max(left, textWidth(r)+8)
	}
	const row = 30.0
	top := 22.0
	c := newCanvas(f.Title, f.Desc, top+row*float64(len(rows))+f.X.below())
	if f.Y.Label != "" {
		c.text(0, 12, atStart, "mute small", f.Y.Label)
	}
	slot := (width - left) / float64(len(cols))
	step := thin(cols, slot)
	for i, r := range rows {
		y := top + row*float64(i)
		c.text(left-6, y+row/2+4, atEnd, "small", r)
		for j, v := range cells[i] {
			c.cell(left+slot*float64(j), y, slot-1.5, row-1.5, v, full, f.Y.Format)
		}
	}
	bottom := top + row*float64(len(rows))
	for j := len(cols) - 1; j >= 0; j -= step {
		c.tick(left+slot*(float64(j)+0.5), bottom+14, "small", cols[j])
	}
	c.xLabel(plot{left: left, right: width}, f.X.Label)
	return c.bytes()
}

// cell draws one field of a heat map.
func (c *canvas) cell(x, y, w, h, v, full float64, format func(float64) string) {
	if math.IsNaN(v) {
		c.text(x+w/2, y+h/2+4, atMiddle, "mute small", "–")
		return
	}
	// Never so dark that the ink of either theme could not be read on it.
	depth := 0.06 + 0.54*max(0, min(1, v/full))
	c.rectWith(x, y, w, h, "f0", ` rx="2" fill-opacity="`+hundredth(depth)+`"`)
	c.text(x+w/2, y+h/2+4, atMiddle, "small", Axis{Format: format}.format(v))
}

// hundredth writes f with two decimals.
func hundredth(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }
