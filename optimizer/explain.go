package optimizer

// Paid is what a ladder pays for its use of one row.
type Paid struct {
	Row        int     // index in the rows of the grid
	Name       string  // of the row
	PriceCents float64 // DualPrice per unit
	Use        float64 // units
	Cents      float64 // price × use
}

// Price is one row of the price table: the product of the optimizer.
type Price struct {
	Row       string  `json:"row"`
	Sense     string  `json:"sense"`
	Limit     float64 `json:"limit"`
	Used      float64 `json:"used"`        // by the linear program's optimum
	DualPrice float64 `json:"price_cents"` // objective gained per unit more of the limit
}
