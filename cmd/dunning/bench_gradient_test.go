package main

import (
	"context"
	"math"
	"testing"

	"dunning/optimizer"
)

// The gradient is that of the smoothed dual, by differences, and the smoothed
// dual is below the plain one by at most γ/2 for each customer.
func TestGradientDualIsOne(t *testing.T) {
	ctx := context.Background()
	g, err := optimizer.NewInstance(optimizer.Instance{Customers: 300, Channels: 3, Days: 4, Segments: 2, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	d, err := newGradientDual(ctx, g)
	if err != nil {
		t.Fatal(err)
	}
	at := func(price []float64) *gradientPoint {
		p, err := d.at(ctx, price, 50)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	price := make([]float64, len(g.Rows))
	for r := range price {
		price[r] = float64(40 * (1 + r%5))
	}
	here := at(price)
	if here.smooth > here.plain || here.smooth < here.plain-25*300 {
		t.Fatalf("smoothed %g, plain %g", here.smooth, here.plain)
	}
	const step = 1e-4
	for r := range price {
		price[r] += step
		up := at(price).smooth
		price[r] -= 2 * step
		down := at(price).smooth
		price[r] += step
		if slope := (up - down) / (2 * step); math.Abs(slope-here.gradient[r]) > 1e-4*(1+math.Abs(slope)) {
			t.Errorf("row %d: gradient %g, difference %g", r, here.gradient[r], slope)
		}
	}
}
