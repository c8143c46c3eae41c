package chart

import (
	"math"
	"slices"
)

// Series is one line over the categories of [Lines].
type Series struct {
	Name   string
	Values []float64 // one per category; NaN leaves a gap
	Dashed bool      // a thin dashed line: a bound, or what others are compared with
}

// Lines draws series over equally spaced categories (months), each named at
// its right end. It returns nil when there is nothing to draw.
func Lines(f Frame, categories []string, series []Series) []byte {
	var all [][]float64
	room := 0.0
	for _, s := range series {
		all = append(all, s.Values)
		room = max(room, textWidth(s.Name))
	}
	lo, hi, ok := bounds(all...)
	if !ok {
		return nil
	}
	c := newCanvas(f.Title, f.Desc, 240)
	p := c.valueAxis(f.Y, f.Y.ticks(min(0, lo), hi, 4), c.height-f.X.below(), width-min(room+10, 120))
	p.x = scale{0, max(1, float64(len(categories)-1)), p.left + 6, p.right - 4}
	step := thin(categories, (p.x.end-p.x.start)/p.x.max)
	for i := len(categories) - 1; i >= 0; i -= step {
		c.tick(p.x.at(float64(i)), p.bottom+15, "small", categories[i])
	}
	lines := make([]XYLine, len(series))
	for i, s := range series {
		lines[i] = XYLine{Name: s.Name, Series: i, Y: s.Values, Dashed: s.Dashed}
		for k := range s.Values {
			lines[i].X = append(lines[i].X, float64(k))
		}
	}
	c.lines(p, lines)
	c.endLabels(p, lines)
	c.xLabel(p, f.X.Label)
	return c.bytes()
}

// XYLine is one line of [XY].
type XYLine struct {
	Name   string // written at its end; "" writes nothing
	X, Y   []float64
	Sizes  []float64 // radius weights of the points, nil for no points
	Series int       // which colour
	Dashed bool      // a thin dashed line: what the others are compared with
}

// Point is a marked point of [XY], with guide lines to both axes.
type Point struct {
	X, Y   float64
	Text   string
	Series int
}

// XY draws lines over two value axes: calibration and Qini curves, or
// recovery over budget. It returns nil when there is nothing to draw.
func XY(f Frame, lines []XYLine, points ...Point) []byte {
	var xs, ys [][]float64
	room := 0.0
	for _, l := range lines {
		xs, ys = append(xs, l.X), append(ys, l.Y)
		if !l.Dashed {
			room = max(room, textWidth(l.Name))
		}
	}
	xlo, xhi, okX := bounds(xs...)
	ylo, yhi, okY := bounds(ys...)
	if !okX || !okY {
		return nil
	}
	c := newCanvas(f.Title, f.Desc, 300)
	p := c.valueAxis(f.Y, f.Y.ticks(min(0, ylo), yhi, 5), c.height-f.X.below(), width-min(room+12, 130))
	at := f.X.ticks(min(0, xlo), xhi, 4)
	if f.X.Max == 0 { // the last tick may lie beyond the data: end where the data does
		p.x = scale{at[0], xhi, p.left, p.right}
	} else {
		p.x = scale{f.X.Min, f.X.Max, p.left, p.right}
	}
	for _, v := range at {
		if v > p.x.max*(1+1e-9) {
			continue
		}
		x := p.x.at(v)
		c.line(x, p.top, x, p.bottom, "grid")
		c.tick(x, p.bottom+15, "mute small", f.X.format(v))
	}
	c.lines(p, lines)
	for _, m := range points {
		c.point(p, m)
	}
	c.endLabels(p, lines)
	c.xLabel(p, f.X.Label)
	return c.bytes()
}

// lines draws the lines and their points.
func (c *canvas) lines(p plot, lines []XYLine) {
	for _, l := range lines {
		x, y := make([]float64, len(l.X)), make([]float64, len(l.X))
		for i := range l.X {
			x[i], y[i] = p.x.at(l.X[i]), p.y.at(l.Y[i])
		}
		class := "ln " + colour("s", l.Series)
		if l.Dashed {
			class += " thin"
		}
		c.path(x, y, class)
		_, most, _ := bounds(l.Sizes)
		for i, size := range l.Sizes {
			if size > 0 && !math.IsNaN(y[i]) {
				c.circle(x[i], y[i], 2+4*math.Sqrt(size/most), colour("f", l.Series))
			}
		}
	}
}

// endLabels names each line at its last point, apart from each other. A dashed
// line that ends where there is no room on the right is named inside the plot.
func (c *canvas) endLabels(p plot, lines []XYLine) {
	pos := make([]float64, len(lines))
	var order []int
	for i, l := range lines {
		last := len(l.Y) - 1
		for last >= 0 && math.IsNaN(l.Y[last]) {
			last--
		}
		if l.Name == "" || last < 0 {
			continue
		}
		if l.Dashed {
			mid := last / 2
			x, y := p.x.at((l.X[mid]+l.X[last])/2), p.y.at((l.Y[mid]+l.Y[last])/2)
			c.text(x+6, y+14, atStart, "small mute halo", l.Name)
			continue
		}
		pos[i] = p.y.at(l.Y[last]) + 4
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case pos[a] < pos[b]:
			return -1
		case pos[a] > pos[b]:
			return 1
		}
		return 0
	})
	spread(pos, order, fontSize+2, p.top+4, p.bottom+4)
	for _, i := range order {
		c.text(p.right+6, pos[i], atStart, "bold small "+colour("f", lines[i].Series), lines[i].Name)
	}
}

// point marks a point and leads the eye to its two values.
func (c *canvas) point(p plot, m Point) {
	x, y := p.x.at(m.X), p.y.at(m.Y)
	c.line(x, y, x, p.bottom, "ref")
	c.line(p.left, y, x, y, "ref")
	c.circle(x, y, 5.5, colour("f", m.Series))
	if x > (p.left+p.right)/2 {
		c.text(x-9, y+20, atEnd, "small bold halo", m.Text)
	} else {
		c.text(x+9, y+20, atStart, "small bold halo", m.Text)
	}
}
