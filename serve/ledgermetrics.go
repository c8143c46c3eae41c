package serve

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dunning/serve/ledger"
)

// ledgerCollector reads the ledger when metrics are asked for: plans by state,
// actions of plans in force by state and channel, the share of each wallet that
// is left. Amounts stay inside: metrics may be public.
type ledgerCollector struct{ ledger *ledger.Store }

var (
	descPlans   = prometheus.NewDesc("dunning_plans", "Plans in the ledger.", []string{"state"}, nil)
	descActions = prometheus.NewDesc("dunning_plan_actions", "Approved actions of plans in force.", []string{"state", "channel"}, nil)
	descWallet  = prometheus.NewDesc("dunning_wallet_share", "Share of what was funded that is available, reserved or spent.", []string{"wallet", "account"}, nil)
	descAudit   = prometheus.NewDesc("dunning_audit_rows", "Rows of the audit chain.", nil, nil)
	descLedger  = prometheus.NewDesc("dunning_ledger_up", "1 while the ledger answers.", nil, nil)
)

// metricsTimeout bounds how long metrics wait for the ledger.
const metricsTimeout = 5 * time.Second

// Describe sends the descriptions of the ledger's metrics.
func (c ledgerCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descPlans, descActions, descWallet, descAudit, descLedger} {
		ch <- d
	}
}

// Collect sends the ledger's metrics; of a ledger that does not answer, that.
func (c ledgerCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsTimeout)
	defer cancel()
	up := 1.0
	if err := c.collect(ctx, ch); err != nil {
		up = 0
	}
	ch <- prometheus.MustNewConstMetric(descLedger, prometheus.GaugeValue, up)
}

func (c ledgerCollector) collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	wallets, err := c.ledger.Wallets(ctx)
	if err != nil {
		return err
	}
	for _, w := range wallets {
		for account, n := range map[string]ledger.Units{"available": w.Balances.Available, "reserved": w.Balances.Reserved, "spent": w.Balances.Spent} {
			gauge(descWallet, float64(n)/max(1, float64(w.Balances.Funding)), w.ID, account)
		}
	}
	plans, err := c.ledger.Plans(ctx)
	if err != nil {
		return err
	}
	states := map[string]float64{}
	actions := map[[2]string]float64{}
	for _, p := range plans {
		states[string(p.State)]++
		if !p.State.InForce() {
			continue
		}
		progress, err := c.ledger.Progress(ctx, p.ID)
		if err != nil {
			return err
		}
		for _, t := range progress {
			actions[[2]string{string(t.State), string(t.Channel)}] += float64(t.Actions)
		}
	}
	for state, n := range states {
		gauge(descPlans, n, state)
	}
	for k, n := range actions {
		gauge(descActions, n, k[0], k[1])
	}
	head, err := c.ledger.Head(ctx)
	if err != nil {
		return err
	}
	gauge(descAudit, float64(head.Seq))
	return nil
}
