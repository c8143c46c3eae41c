package chart

// Panel is one strip of [Panels]: the bars of one channel.
type Panel struct {
	Name   string
	Text   string    // what the strip adds up to, at its right
	Values []float64 // one per category
	Limits []float64 // one per category, NaN where there is none; nil for none at all
	Series int       // which colour
}

// Panels draws one strip of bars per panel over shared categories, each bar
// under a thin mark of its limit: actions against capacity. Every strip has
// its own scale, because a channel of thousands and one of tens are both to be
// read. It returns nil when there is nothing to draw.
func Panels(f Frame, categories []string, panels []Panel) []byte {
	if len(panels) == 0 || len(categories) == 0 {
		return nil
	}
	const row, head = 66.0, 18.0
	c := newCanvas(f.Title, f.Desc, row*float64(len(panels))+f.X.below()-6)
	p := plot{left: 2, right: width - 2}
	slot := (p.right - p.left) / float64(len(categories))
	for i, panel := range panels {
		top := row * float64(i)
		c.text(p.left, top+12, atStart, "bold", panel.Name)
		c.text(p.right, top+12, atEnd, "mute small", panel.Text)
		c.strip(plot{left: p.left, right: p.right, top: top + head, bottom: top + row - 6}, slot, panel)
	}
	bottom := row*float64(len(panels)) - 6
	step := thin(categories, slot)
	for j := 0; j < len(categories); j += step {
		c.text(p.left+slot*(float64(j)+0.5), bottom+15, atMiddle, "small", categories[j])
	}
	c.xLabel(p, f.X.Label)
	return c.bytes()
}

// strip draws the bars of one panel and the marks of its limits.
func (c *canvas) strip(p plot, slot float64, panel Panel) {
	_, hi, _ := bounds(panel.Values, panel.Limits)
	y := scale{0, max(hi, 1), p.bottom, p.top}
	for j, v := range panel.Values {
		x := p.left + slot*float64(j)
		c.rect(x+slot*0.12, y.at(v), slot*0.76, p.bottom-y.at(v), colour("f", panel.Series))
	}
	for j, limit := range panel.Limits {
		if limit == limit { // not NaN
			x := p.left + slot*float64(j)
			c.line(x+slot*0.04, y.at(limit), x+slot*0.96, y.at(limit), "cap")
		}
	}
	c.line(p.left, p.bottom, p.right, p.bottom, "axis")
}
