package chart

import "math"

// Frame is what every picture has: its words and its axes.
type Frame struct {
	Title string // what the picture shows, for those who cannot see it
	Desc  string // the finding in a sentence, "" when none
	X, Y  Axis
}

// Axis describes one axis.
type Axis struct {
	Label string
	// Format writes a tick; nil writes the shortest decimal.
	Format func(float64) string
	// Min and Max fix the ends; both 0 means that they come from the values.
	Min, Max float64
}

func (a Axis) format(v float64) string {
	if a.Format != nil {
		return a.Format(v)
	}
	return num(v)
}

// ticks returns the axis's ticks over the values' bounds.
func (a Axis) ticks(lo, hi float64, n int) []float64 {
	if a.Min != 0 || a.Max != 0 {
		lo, hi = a.Min, a.Max
	}
	return ticks(lo, hi, n)
}

// plot is the inner rectangle of a picture with two axes.
type plot struct {
	left, right, top, bottom float64
	x, y                     scale
}

// Room around the plot, in units.
const (
	topRoom    = 24 // the y axis's label stands above it
	bottomRoom = 22 // tick labels
	labelRoom  = 16 // the x axis's label
	rightRoom  = 10
)

// below is the room under a plot with the given x axis.
func (a Axis) below() float64 {
	if a.Label == "" {
		return bottomRoom
	}
	return bottomRoom + labelRoom
}

// valueAxis draws the horizontal grid and the labels of the y axis, and
// returns the plot with its y scale set.
func (c *canvas) valueAxis(a Axis, at []float64, bottom, right float64) plot {
	labels, widest := make([]string, len(at)), 0.0
	for i, v := range at {
		labels[i] = a.format(v)
		widest = max(widest, textWidth(labels[i]))
	}
	p := plot{left: math.Ceil(widest) + 8, right: right, top: topRoom, bottom: bottom}
	p.y = scale{at[0], at[len(at)-1], p.bottom, p.top}
	for i, v := range at {
		y := p.y.at(v)
		class := "grid"
		if v == 0 {
			class = "axis"
		}
		c.line(p.left, y, p.right, y, class)
		c.text(p.left-6, y+4, atEnd, "mute small", labels[i])
	}
	if a.Label != "" {
		c.text(0, 12, atStart, "mute small", a.Label)
	}
	return p
}

// xLabel writes the name of the x axis under the plot.
func (c *canvas) xLabel(p plot, label string) {
	if label != "" {
		c.text((p.left+p.right)/2, c.height-5, atMiddle, "mute small", label)
	}
}

// thin returns the step at which labels of the given widths fit into slots of
// the given width.
func thin(labels []string, slot float64) int {
	widest := 0.0
	for _, s := range labels {
		widest = max(widest, textWidth(s)*0.95)
	}
	return max(1, int(math.Ceil((widest+6)/slot)))
}
