package show

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Series are points of one name; X and Y have the same length. Points with a
// NaN are left out.
type Series struct {
	Name string
	X, Y []float64
}

// colors are told apart by people who do not see red and green apart (Okabe and
// Ito 2008).
var colors = []color.Color{
	color.RGBA{R: 0, G: 114, B: 178, A: 255}, color.RGBA{R: 230, G: 159, B: 0, A: 255},
	color.RGBA{R: 0, G: 158, B: 115, A: 255}, color.RGBA{R: 204, G: 121, B: 167, A: 255},
	color.RGBA{R: 213, G: 94, B: 0, A: 255}, color.RGBA{R: 86, G: 180, B: 233, A: 255},
}

func colorOf(k int) color.Color { return colors[k%len(colors)] }

// Size of a picture, in points.
const (
	width  = 640
	height = 340
)

// Picture shows a plot.
func Picture(p *plot.Plot) { HTML(SVG(p)) }

// SVG returns the markup of a plot.
func SVG(p *plot.Plot) string {
	c := vgsvg.New(width, height)
	// The last label of an axis is wider than the axis: leave it room.
	p.Draw(draw.Crop(draw.New(c), vg.Points(4), -vg.Points(24), vg.Points(4), -vg.Points(4)))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		panic(fmt.Sprintf("show: %v", err)) // a buffer cannot fail
	}
	// The declaration before the element belongs to a file of its own.
	if at := bytes.Index(b.Bytes(), []byte("<svg")); at > 0 {
		b.Next(at)
	}
	return strings.ReplaceAll(b.String(), "font-family:Liberation Sans", "font-family:"+fonts)
}

// fonts are as wide as the one that plots are laid out for; browsers have one
// of them.
const fonts = "Liberation Sans,Arimo,Arial,Helvetica,Nimbus Sans,sans-serif"

// ticks are those of gonum with numbers written out.
type ticks struct{}

// Ticks implements plot.Ticker.
func (ticks) Ticks(low, high float64) []plot.Tick {
	out := plot.DefaultTicks{}.Ticks(low, high)
	for k, t := range out {
		if t.Label != "" && math.Abs(t.Value) >= 10_000 {
			out[k].Label = thousands(int64(math.Round(t.Value)))
		}
	}
	return out
}

// thousands writes n with a thin space every three digits.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u2009" + s[i:]
	}
	return s
}

// Lines draws series as lines.
func Lines(title, x, y string, series ...Series) *plot.Plot {
	p := empty(title, x, y)
	for k, s := range series {
		l, err := plotter.NewLine(s.points())
		if err != nil {
			panic(fmt.Sprintf("show: %s: %v", s.Name, err))
		}
		l.Color, l.Width = colorOf(k), vg.Points(1.6)
		p.Add(l)
		if s.Name != "" {
			p.Legend.Add(s.Name, l)
		}
	}
	return p
}

// Points draws series as points.
func Points(title, x, y string, series ...Series) *plot.Plot {
	p := empty(title, x, y)
	for k, s := range series {
		d, err := plotter.NewScatter(s.points())
		if err != nil {
			panic(fmt.Sprintf("show: %s: %v", s.Name, err))
		}
		d.GlyphStyle = draw.GlyphStyle{Color: colorOf(k), Radius: vg.Points(2), Shape: draw.CircleGlyph{}}
		p.Add(d)
		if s.Name != "" {
			p.Legend.Add(s.Name, d)
		}
	}
	return p
}

// Bars draws one group of bars for each label; the X of the series are not
// read, and each has a Y per label. A NaN has no bar.
func Bars(title, y string, labels []string, series ...Series) *plot.Plot {
	p := empty(title, "", y)
	// All groups share what the labels leave, three quarters of it filled.
	bar := vg.Points(0.75 * (width - 80) / float64(max(1, len(labels)*len(series))))
	for k, s := range series {
		if len(s.Y) != len(labels) {
			panic(fmt.Sprintf("show: %s has %d bars for %d labels", s.Name, len(s.Y), len(labels)))
		}
		heights := make(plotter.Values, len(s.Y))
		for i, v := range s.Y {
			if !math.IsNaN(v) {
				heights[i] = v
			}
		}
		b, err := plotter.NewBarChart(heights, bar)
		if err != nil {
			panic(fmt.Sprintf("show: %s: %v", s.Name, err))
		}
		b.Color, b.LineStyle.Width = colorOf(k), 0
		b.Offset = bar * vg.Length(float64(k)-float64(len(series)-1)/2)
		p.Add(b)
		if s.Name != "" {
			p.Legend.Add(s.Name, b)
		}
	}
	p.NominalX(labels...)
	p.Y.Min = min(p.Y.Min, 0)
	return p
}

// Histogram draws how values are spread over some bins. NaN are left out.
func Histogram(title, x string, values []float64, bins int) *plot.Plot {
	p := empty(title, x, "rows")
	var known plotter.Values
	for _, v := range values {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	h, err := plotter.NewHist(known, bins)
	if err != nil {
		panic(fmt.Sprintf("show: %v", err))
	}
	h.FillColor, h.LineStyle.Width = colorOf(0), 0
	p.Add(h)
	return p
}

// points are the pairs without a NaN.
func (s Series) points() plotter.XYs {
	if len(s.X) != len(s.Y) {
		panic(fmt.Sprintf("show: %s has %d x for %d y", s.Name, len(s.X), len(s.Y)))
	}
	var out plotter.XYs
	for k := range s.X {
		if !math.IsNaN(s.X[k]) && !math.IsNaN(s.Y[k]) {
			out = append(out, plotter.XY{X: s.X[k], Y: s.Y[k]})
		}
	}
	return out
}

func empty(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = vg.Points(8)
	p.BackgroundColor = color.White
	// Samples stand left of their names, so that a wider font than the one laid
	// out for runs into nothing.
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, vg.Points(0.7*width)
	p.Legend.Padding, p.Legend.ThumbnailWidth = vg.Points(3), vg.Points(16)
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{}, ticks{}
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant = "Sans"
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{Y: 225}, color.Gray{Y: 225}
	p.Add(grid)
	return p
}
