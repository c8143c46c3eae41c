package serve_test

import (
	"fmt"
	"testing"

	"dunning/serve"
)

// analysed is the body of the i-th request for a credit analysis under load: a
// made applicant with twenty features and a year of history.
func analysed(i int) object {
	features := object{}
	for j := range 20 {
		features[fmt.Sprintf("x%d", j)] = float64((i*7919+j*104729)%4001)/1000 - 2
	}
	history := make([]object, 12)
	for k := range history {
		history[k] = object{"due_on": fmt.Sprintf("2025-%02d-10", k+1), "amount_cents": 10_000 + i%977, "paid_on": fmt.Sprintf("2025-%02d-%02d", k+1, 8+(i+k)%5)}
	}
	return object{"application_id": fmt.Sprint("a", i), "requested_cents": 50_000 + i%400_000, "income_cents": 500_000, "features": features, "history": history}
}

// one makes the i-th request of a client at fixed moments.
func (c clientConfig) one(i int) error {
	var err error
	if c.Analyses {
		_, err = c.do("POST", "/v1/credit/analyses", c.Keys[0], "", analysed(i))
	} else {
		_, err = c.do("GET", fmt.Sprintf("/v1/customers/c%07d/score", i*7919%c.Customers), c.Keys[0], "", nil)
	}
	return err
}

// Credit analyses at 500 requests a second, server and client on a core each;
// the model has 300 trees of depth 4 over twenty features, and each analysis
// explains its PD and values a bureau report.
func TestLoadOfCreditAnalyses(t *testing.T) {
	seconds := loadSeconds(t)
	h := newHome(t)
	installCredit(h, trainCredit(t, 20_000, 20, 300), creditPolicy)
	key := makeKey(t, h, serve.Manager, "reader")
	p := loadedServer(t, h, onCore(t, 0)...)
	c := clientConfig{URL: p.url, Keys: []string{key}, Analyses: true, PerSecond: 500, Seconds: 2}
	load(t, c, onCore(t, 1)...) // warm
	c.Seconds = seconds
	r := load(t, c, onCore(t, 1)...)
	t.Logf("credit analyses at 500 a second for %.0f s: %s", seconds, r.Scores)
	if r.Scores.P99 > 10 {
		t.Errorf("p99 %.2f ms, want 10", r.Scores.P99)
	}
}
