package pipeline

import (
	"dunning/data"
)

// testFrom returns the first day of the test period: that of train.split, or,
// under time:auto, the day from which the latest test_share of the days with
// decision points begins. The features stage learns categories and baselines
// from what was known then, and the train stage tests from then on, so both
// ask here.
func testFrom(c *Config, asOf data.Date, extract data.Manifest) (data.Date, error) {
	cut, auto, err := c.Train.SplitDate()
	if err != nil || !auto {
		return cut, err
	}
	from, to := decisionDays(c, asOf, extract)
	return to - data.Date(float64(to-from)*c.Train.TestShare), nil
}

// decisionDays returns the days [from, to) on which a decision point may lie:
// within the months that are learned from, and old enough for its outcome to
// be known.
func decisionDays(c *Config, asOf data.Date, extract data.Manifest) (from, to data.Date) {
	first, end := data.Date(extract.Counts[countFirstEvent]), min(asOf, data.Date(extract.Counts[countLastEvent])+1)
	from = max(first, data.DateOf(asOf.Time().AddDate(0, -c.Features.MaxAgeMonths, 0)))
	return from, end - data.Date(c.Features.HorizonDays) + 1
}
