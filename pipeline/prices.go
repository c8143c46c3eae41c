package pipeline

import (
	"context"
	"database/sql"
	"fmt"

	"dunning/data"
	"dunning/features"
)

// priceSQL counts the touches of each channel, day and cost.
const priceSQL = `
SELECT channel, CAST(sent_at AS DATE) AS day, cost_cents, count(*) AS touches
FROM touches WHERE channel <> 'hold' AND sent_at < TIMESTAMP '%s'
GROUP BY ALL ORDER BY ALL`

// touchPrices ranks the costs of an extract's touches before asOf.
func touchPrices(ctx context.Context, w *Work, in Output, asOf data.Date) (*features.Prices, error) {
	var rows []features.PriceRow
	err := overLake(ctx, w, in, func(e *engine) error {
		return e.rows(fmt.Sprintf(priceSQL, asOf), func(r *sql.Rows) error {
			var row features.PriceRow
			var day sql.NullTime
			if err := r.Scan(&row.Channel, &day, &row.CostCents, &row.Touches); err != nil {
				return err
			}
			row.Day = data.DateOf(day.Time)
			rows = append(rows, row)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	return features.NewPrices(rows)
}
