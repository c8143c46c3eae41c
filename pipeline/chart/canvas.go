package chart

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// width is the width of every picture in its own units. Readers see it at 350
// to 560 pixels, so that a font of 12 units is readable on a phone and not
// large on a desk.
const width = 420

// fontSize is the size of the standard text, in units.
const fontSize = 12

// style makes the classes below look the same wherever the picture stands.
// Blue, vermilion, green, purple and ochre keep apart for the common forms of
// colour blindness and have a contrast of at least 4.5:1 in either theme.
const style = `<style>.dn{--ink:#17212b;--mute:#566573;--grid:#dfe4e8;--paper:#fff;` +
	`--c0:#0b5fa5;--c1:#b8430f;--c2:#00704f;--c3:#96308a;--c4:#7d5600;--c5:#4a5c6d;` +
	`display:block;width:100%;height:auto;font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",Arial,sans-serif}` +
	`@media screen and (prefers-color-scheme:dark){.dn{--ink:#e8edf2;--mute:#a3b1bf;--grid:#34414d;--paper:#151d25;` +
	`--c0:#6db3f2;--c1:#f58f5b;--c2:#4cc9a0;--c3:#dd92d1;--c4:#e0b04a;--c5:#a5b4c4}}` +
	`.dn{fill:var(--ink)}.dn .mute{fill:var(--mute)}.dn .small{font-size:11.2px}.dn .bold{font-weight:600}` +
	`.dn .grid{stroke:var(--grid);stroke-width:1}.dn .axis{stroke:var(--mute);stroke-width:1}.dn .ref{stroke:var(--mute);stroke-width:1.2;stroke-dasharray:4 3;fill:none}` +
	`.dn .halo{stroke:var(--paper);stroke-width:3px;paint-order:stroke;stroke-linejoin:round}` +
	`.dn .ln{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}.dn .thin{stroke-width:1.2;stroke-dasharray:4 3}` +
	`.dn .f0{fill:var(--c0)}.dn .f1{fill:var(--c1)}.dn .f2{fill:var(--c2)}.dn .f3{fill:var(--c3)}.dn .f4{fill:var(--c4)}.dn .f5{fill:var(--c5)}` +
	`.dn .cap{stroke:var(--ink);stroke-width:1.6}` +
	`.dn .s0{stroke:var(--c0)}.dn .s1{stroke:var(--c1)}.dn .s2{stroke:var(--c2)}.dn .s3{stroke:var(--c3)}.dn .s4{stroke:var(--c4)}.dn .s5{stroke:var(--c5)}</style>`

// colours is the number of series colours; further series begin again.
const colours = 6

// canvas collects the elements of one picture.
type canvas struct {
	b      strings.Builder
	height float64
}

// newCanvas starts a picture of the given height. title is what a screen
// reader says; desc, when given, is its longer form.
func newCanvas(title, desc string, height float64) *canvas {
	c := &canvas{height: height}
	c.b.WriteString(`<svg class="dn" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ` + num(width) + " " + num(height) +
		`" role="img" aria-label="` + escape(title) + `">` + style)
	c.b.WriteString("<title>" + escape(title) + "</title>")
	if desc != "" {
		c.b.WriteString("<desc>" + escape(desc) + "</desc>")
	}
	return c
}

// bytes ends the picture.
func (c *canvas) bytes() []byte { return []byte(c.b.String() + "</svg>") }

func (c *canvas) rect(x, y, w, h float64, class string) { c.rectWith(x, y, w, h, class, "") }

// rectWith draws a rectangle with further attributes.
func (c *canvas) rectWith(x, y, w, h float64, class, attrs string) {
	c.b.WriteString(`<rect x="` + num(x) + `" y="` + num(y) + `" width="` + num(max(0, w)) + `" height="` + num(max(0, h)) +
		`" class="` + class + `"` + attrs + `/>`)
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	c.b.WriteString(`<line x1="` + num(x1) + `" y1="` + num(y1) + `" x2="` + num(x2) + `" y2="` + num(y2) + `" class="` + class + `"/>`)
}

func (c *canvas) circle(x, y, r float64, class string) {
	c.b.WriteString(`<circle cx="` + num(x) + `" cy="` + num(y) + `" r="` + num(r) + `" class="` + class + `"/>`)
}

// path joins points; a NaN in y lifts the pen.
func (c *canvas) path(x, y []float64, class string) {
	var d strings.Builder
	pen := "M"
	for i := range x {
		if math.IsNaN(y[i]) {
			pen = "M"
			continue
		}
		d.WriteString(pen + num(x[i]) + " " + num(y[i]))
		pen = "L"
	}
	c.b.WriteString(`<path d="` + d.String() + `" class="` + class + `"/>`)
}

// Anchors of a text: where its x is.
const (
	atStart  = "start"
	atMiddle = "middle"
	atEnd    = "end"
)

func (c *canvas) text(x, y float64, anchor, class, s string) {
	c.b.WriteString(`<text x="` + num(x) + `" y="` + num(y) + `"`)
	if anchor != atStart {
		c.b.WriteString(` text-anchor="` + anchor + `"`)
	}
	if class != "" {
		c.b.WriteString(` class="` + class + `"`)
	}
	c.b.WriteString(">" + escape(s) + "</text>")
}

// tick writes the label of a tick of the x axis, moved inwards where it would
// leave the picture.
func (c *canvas) tick(x, y float64, class, s string) {
	half := textWidth(s) * 0.45
	c.text(max(half, min(width-half, x)), y, atMiddle, class, s)
}

// num writes a coordinate: a tenth of a unit is finer than the eye.
func num(f float64) string {
	f = math.Round(f*10) / 10
	if f == 0 {
		return "0" // not "-0"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// escape makes s safe as text and as an attribute. Characters that XML forbids
// become U+FFFD.
func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic("chart: " + err.Error()) // a strings.Builder does not fail
	}
	return b.String()
}

// textWidth estimates the width of s at the standard size; fonts differ, so it
// is on the generous side.
func textWidth(s string) float64 { return 6.5 * float64(utf8.RuneCountInString(s)) }

// shorten cuts s so that it fits about w units.
func shorten(s string, w float64) string {
	runes := []rune(s)
	if most := int(w / 6.5); len(runes) > most {
		return string(runes[:max(1, most-1)]) + "…"
	}
	return s
}

// colour returns the class of series i with the given prefix: "f" fills, "s"
// strokes.
func colour(prefix string, i int) string { return prefix + strconv.Itoa(i%colours) }
