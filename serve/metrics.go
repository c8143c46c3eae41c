package serve

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dunning/serve/ledger"
)

// metrics counts what the server does. Labels are bounded: routes are patterns,
// never paths, and no label holds a customer or a key.
type metrics struct {
	handler    http.Handler
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	inFlight   prometheus.Gauge
	rowsScored prometheus.Counter

	leased, withheld *prometheus.CounterVec // by channel
	acked, events    *prometheus.CounterVec // by outcome or kind, and result
}

func newMetrics(store Store, l *ledger.Store) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dunning_http_requests_total", Help: "Requests by route, method and status."}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dunning_http_request_seconds", Help: "Time to answer a request.", Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"route"}),
		inFlight:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "dunning_http_in_flight", Help: "Requests being answered."}),
		rowsScored: prometheus.NewCounter(prometheus.CounterOpts{Name: "dunning_rows_scored_total", Help: "Feature rows scored in batches."}),

		leased: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dunning_actions_leased_total", Help: "Actions handed out; an action counts each time."}, []string{"channel"}),
		withheld: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dunning_actions_withheld_total", Help: "Actions withheld by the recheck at a lease."}, []string{"channel"}),
		acked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dunning_actions_acked_total", Help: "Words of dispatchers about actions, by outcome and what became of the word."}, []string{"outcome", "result"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dunning_events_total", Help: "Events reported, by kind and what became of them."}, []string{"kind", "result"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.requests, m.seconds, m.inFlight, m.rowsScored, m.leased, m.withheld, m.acked, m.events, storeCollector{store}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if l != nil {
		registry.MustRegister(ledgerCollector{l})
	}
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

// storeCollector reads the store's status when metrics are asked for.
type storeCollector struct{ store Store }

var (
	descInfo    = prometheus.NewDesc("dunning_loaded_info", "What is served; always 1.", []string{"part", "as_of", "version"}, nil)
	descRows    = prometheus.NewDesc("dunning_loaded_rows", "Customers scored, actions planned, or features of the model.", []string{"part"}, nil)
	descDamaged = prometheus.NewDesc("dunning_damaged", "1 while a newer version is refused because it is damaged.", []string{"part"}, nil)
)

// Describe sends the descriptions of the store's metrics.
func (c storeCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- descInfo
	ch <- descRows
	ch <- descDamaged
}

// Collect sends the store's metrics.
func (c storeCollector) Collect(ch chan<- prometheus.Metric) {
	st := c.store.Status()
	for _, p := range []struct {
		name string
		PartStatus
	}{{"scores", st.Scores}, {"plan", st.Plan}, {"model", st.Model}} {
		asOf, damaged := "", 0.0
		if p.AsOf != nil {
			asOf = p.AsOf.String()
		}
		if p.State == Damaged {
			damaged = 1
		}
		if p.Version != "" {
			ch <- prometheus.MustNewConstMetric(descInfo, prometheus.GaugeValue, 1, p.name, asOf, p.Version)
		}
		ch <- prometheus.MustNewConstMetric(descRows, prometheus.GaugeValue, float64(p.Rows), p.name)
		ch <- prometheus.MustNewConstMetric(descDamaged, prometheus.GaugeValue, damaged, p.name)
	}
}
