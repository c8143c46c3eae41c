package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"dunning/pipeline/chart"
)

// hostile is a text that would break out of an element or an attribute.
const hostile = `"><script>alert(1)</script><text x="` + "\x00"

// pictures draws one picture of every form, with the given text wherever a
// caller may put one.
func pictures(s string) map[string][]byte {
	frame := chart.Frame{Title: s, Desc: s, X: chart.Axis{Label: s}, Y: chart.Axis{Label: s, Format: func(f float64) string { return fmt.Sprintf("%.1f%s", f, s) }}}
	nan := math.NaN()
	return map[string][]byte{
		"columns":   chart.Columns(frame, []chart.Column{{Label: s, Note: s, Text: s, Value: 3, Mark: s}, {Label: s, Value: nan}}, chart.Reference{Value: 1, Text: s}),
		"histogram": chart.Columns(frame, make([]chart.Column, 32), chart.Reference{Value: 2, Text: s}),
		"lines":     chart.Lines(frame, []string{s, s, s}, []chart.Series{{Name: s, Values: []float64{1, nan, 3}}, {Name: s, Values: []float64{2, 2, 2}}}),
		"one month": chart.Lines(frame, []string{s}, []chart.Series{{Name: s, Values: []float64{5}}}),
		"xy":        chart.XY(frame, []chart.XYLine{{Name: s, X: []float64{0, 1}, Y: []float64{0, 2}, Sizes: []float64{0, 4}}, {Name: s, X: []float64{0, 1}, Y: []float64{0, 1}, Dashed: true}}, chart.Point{X: 1, Y: 2, Text: s}),
		"bars":      chart.Bars(frame, []chart.Bar{{Label: s, Text: s, Value: 2}, {Label: s, Text: s, Value: -1}, {Label: s, Value: nan}}),
		"heat map":  chart.HeatMap(frame, []string{s, s}, []string{s}, [][]float64{{0.5}, {nan}}, 1),
		"panels":    chart.Panels(frame, []string{s, s}, []chart.Panel{{Name: s, Text: s, Values: []float64{0, 3}, Limits: []float64{nan, 5}}, {Name: s, Values: []float64{0, 0}}}),
	}
}

func TestPicturesAreWellFormedWhateverTheText(t *testing.T) {
	for _, text := range []string{"vencido", hostile, ""} {
		for name, svg := range pictures(text) {
			if err := wellFormed(svg); err != nil {
				t.Errorf("%s with text %q: %v", name, text, err)
			}
			for _, bad := range []string{"<script", "NaN", "Inf", "https:", "href", "url("} {
				if bytes.Contains(svg, []byte(bad)) {
					t.Errorf("%s with text %q holds %q", name, text, bad)
				}
			}
			if n := bytes.Count(svg, []byte("http:")); n != 1 {
				t.Errorf("%s: %d addresses, want the namespace alone", name, n)
			}
		}
	}
}

func wellFormed(svg []byte) error {
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestPicturesAreDeterministic(t *testing.T) {
	first, second := pictures("x"), pictures("x")
	for name, svg := range first {
		if !bytes.Equal(svg, second[name]) {
			t.Errorf("%s differs from one drawing to the next", name)
		}
	}
}

// Nothing to draw gives no picture, so that the caller can say what is missing.
func TestNothingToDraw(t *testing.T) {
	f, nan := chart.Frame{}, math.NaN()
	for name, svg := range map[string][]byte{
		"columns":       chart.Columns(f, nil),
		"empty columns": chart.Columns(f, []chart.Column{{Value: nan}}),
		"lines":         chart.Lines(f, []string{"a"}, []chart.Series{{Values: []float64{nan}}}),
		"xy":            chart.XY(f, nil),
		"bars":          chart.Bars(f, nil),
		"heat map":      chart.HeatMap(f, []string{"a"}, []string{"b"}, [][]float64{{nan}}, 1),
		"panels":        chart.Panels(f, nil, nil),
	} {
		if svg != nil {
			t.Errorf("%s: got %d bytes, want nil", name, len(svg))
		}
	}
}

// A bar is as long as its value says: the second is half the first.
func TestBarLengthsFollowValues(t *testing.T) {
	svg := string(chart.Bars(chart.Frame{Title: "t"}, []chart.Bar{{Label: "a", Value: 10, Text: "10"}, {Label: "b", Value: 5, Text: "5"}}))
	var widths []float64
	for _, part := range strings.Split(svg, "<rect ")[1:] {
		var x, y, w float64
		if _, err := fmt.Sscanf(part, `x="%g" y="%g" width="%g"`, &x, &y, &w); err != nil {
			t.Fatal(err)
		}
		widths = append(widths, w)
	}
	// Coordinates are rounded to a tenth.
	if len(widths) != 2 || math.Abs(widths[0]-2*widths[1]) > 0.2 {
		t.Errorf("widths %v, want the second half the first", widths)
	}
}

func ExampleColumns() {
	svg := chart.Columns(
		chart.Frame{Title: "Aging", X: chart.Axis{Label: "days past due"}},
		[]chart.Column{{Label: "current", Value: 70, Text: "70%"}, {Label: "1–30", Value: 30, Text: "30%", Series: 1}})
	fmt.Printf("%s… %d bars\n", svg[:4], bytes.Count(svg, []byte("<rect")))
	// Output: <svg… 2 bars
}
