package chart

import "math"

// Bar is one lying bar of [Bars].
type Bar struct {
	Label  string // above the bar
	Text   string // its value in words, at the bar's end
	Value  float64
	Series int // which colour
}

// Bars draws lying bars under their labels, in the given order: importance of
// features, prices of rows. Negative values run left of the zero line. It
// returns nil when there is nothing to draw.
func Bars(f Frame, bars []Bar) []byte {
	values := make([]float64, len(bars))
	room := 0.0
	for i, b := range bars {
		values[i] = b.Value
		room = max(room, textWidth(b.Text))
	}
	lo, hi, ok := bounds(values)
	if !ok {
		return nil
	}
	const row = 31.0
	top := 4.0
	if f.X.Label != "" {
		top = 20
	}
	c := newCanvas(f.Title, f.Desc, top+row*float64(len(bars))+4)
	if f.X.Label != "" {
		c.text(0, 12, atStart, "mute small", f.X.Label)
	}
	x := scale{min(0, lo), max(0, hi), 1, width - room - 10}
	zero := x.at(0)
	for i, b := range bars {
		y := top + row*float64(i)
		c.text(1, y+12, atStart, "", shorten(b.Label, width-4))
		if math.IsNaN(b.Value) {
			continue
		}
		end := x.at(b.Value)
		c.rectWith(min(zero, end), y+16, max(1.5, math.Abs(end-zero)), 9, colour("f", b.Series), ` rx="2"`)
		c.text(max(zero, end)+5, y+24.5, atStart, "small bold", b.Text)
	}
	return c.bytes()
}
