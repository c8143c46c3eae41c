package chart

import "math"

// Column is one upright bar.
type Column struct {
	Label  string  // under the bar
	Note   string  // a second line under the label
	Text   string  // above the bar
	Value  float64 // NaN draws no bar
	Series int     // which colour
	// Mark, when given, draws a dashed upright line at the bar's left edge with
	// these words: where a histogram is cut in two.
	Mark string
}

// Reference is a dashed level line with its words.
type Reference struct {
	Value float64
	Text  string
}

// Columns draws upright bars, with direct labels where the columns have Text
// and with a value axis where none has. Labels that do not fit are thinned
// out. It returns nil when there is nothing to draw.
func Columns(f Frame, cols []Column, refs ...Reference) []byte {
	values := make([]float64, 0, len(cols)+len(refs))
	labelled, noted := false, false
	for _, col := range cols {
		values = append(values, col.Value)
		labelled, noted = labelled || col.Text != "", noted || col.Note != ""
	}
	for _, r := range refs {
		values = append(values, r.Value)
	}
	lo, hi, ok := bounds(values)
	if !ok {
		return nil
	}
	height := 230.0
	bottom := height - f.X.below()
	if noted {
		bottom -= 13
	}
	c := newCanvas(f.Title, f.Desc, height)
	var p plot
	if labelled {
		p = plot{left: 2, right: width - 2, top: topRoom + 12, bottom: bottom}
		p.y = scale{min(0, lo), max(hi, math.SmallestNonzeroFloat64), p.bottom, p.top}
		if f.Y.Label != "" {
			c.text(0, 12, atStart, "mute small", f.Y.Label)
		}
	} else {
		p = c.valueAxis(f.Y, f.Y.ticks(min(0, lo), hi, 4), bottom, width-rightRoom)
	}
	c.columns(p, cols)
	for _, r := range refs {
		y := p.y.at(r.Value)
		c.line(p.left, y, p.right, y, "ref")
		c.text(p.right, y-5, atEnd, "small halo", r.Text)
	}
	c.columnTexts(p, cols)
	c.xLabel(p, f.X.Label)
	return c.bytes()
}

// columns draws the bars into the plot.
func (c *canvas) columns(p plot, cols []Column) {
	slot := (p.right - p.left) / float64(len(cols))
	bar := min(slot*0.78, 64)
	if len(cols) > 16 {
		bar = slot - 1
	}
	zero := p.y.at(0)
	for i, col := range cols {
		if y := p.y.at(col.Value); !math.IsNaN(y) {
			x := p.left + slot*(float64(i)+0.5)
			c.rectWith(x-bar/2, min(y, zero), bar, math.Abs(y-zero), colour("f", col.Series), ` rx="2"`)
		}
	}
	c.line(p.left, zero, p.right, zero, "axis")
}

// columnTexts writes the labels above and under the bars, and the marks, on
// top of all lines.
func (c *canvas) columnTexts(p plot, cols []Column) {
	slot := (p.right - p.left) / float64(len(cols))
	labels := make([]string, len(cols))
	for i, col := range cols {
		labels[i] = col.Label
	}
	step := thin(labels, slot)
	for i, col := range cols {
		x := p.left + slot*(float64(i)+0.5)
		if y := p.y.at(col.Value); !math.IsNaN(y) && col.Text != "" {
			c.text(x, min(y, p.y.at(0))-5, atMiddle, "small bold halo", col.Text)
		}
		if i%step == 0 {
			c.text(x, p.bottom+14, atMiddle, "small", col.Label)
		}
		if col.Note != "" {
			c.text(x, p.bottom+27, atMiddle, "mute small", col.Note)
		}
		if col.Mark != "" {
			left := p.left + slot*float64(i)
			c.line(left, p.top-6, left, p.bottom, "ref")
			c.text(left+5, p.top+2, atStart, "small halo", col.Mark)
		}
	}
}
