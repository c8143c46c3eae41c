package main

import (
	"fmt"
	"strings"

	"dunning/data"
	"dunning/pipeline"
	"dunning/serve"
)

// csvOptions read a value as text, so that a bad one reaches the quarantine.
const csvOptions = `header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', comment = ''`

// feedbackSources is the sources section of dunning.yaml that reads what was
// sent and reported beside the files of HOME/sources.
func feedbackSources(format string) (string, error) {
	company := func(table string) string {
		if format == "parquet" {
			return fmt.Sprintf("read_parquet('sources/%s.parquet')", table)
		}
		return fmt.Sprintf("read_csv('sources/%s.csv', %s)", table, csvOptions)
	}
	if format != "csv" && format != "parquet" {
		return "", fmt.Errorf("%w: format %q is neither csv nor parquet", data.ErrUsage, format)
	}
	own := func(table string) string {
		return fmt.Sprintf("read_csv('%s/%s/*.csv', %s)", serve.EventsFolder, table, csvOptions)
	}
	also := func(table, id, more string) string {
		return fmt.Sprintf("SELECT * FROM %s\nUNION ALL BY NAME\nSELECT * FROM %s\nWHERE %s NOT IN (SELECT %s FROM %s)%s", company(table), own(table), id, id, company(table), more)
	}
	queries := map[string]string{
		"customers":    customersQuery(company("customers"), own("opt_outs"), own("disputes")),
		"payments":     also("payments", "payment_id", ""),
		"touches":      also("touches", "touch_id", ""),
		"touch_events": also("touch_events", "touch_id", "\n  AND touch_id IN (SELECT touch_id FROM "+own("touches")+")"),
		"promises":     also("promises", "promise_id", ""),
	}
	var b strings.Builder
	b.WriteString("sources:\n")
	for _, table := range pipeline.SourceTables {
		query, ok := queries[table]
		if !ok {
			query = "SELECT * FROM " + company(table)
		}
		fmt.Fprintf(&b, "  %s:\n    query: |-\n      %s\n", table, strings.ReplaceAll(query, "\n", "\n      "))
	}
	return b.String(), nil
}

// customersQuery gives customers the last word that was said about consent and
// disputes.
func customersQuery(company, optOuts, disputes string) string {
	names := make([]string, len(data.Channels))
	columns := make([]string, len(data.Channels))
	for i, ch := range data.Channels {
		names[i] = "'" + string(ch) + "'"
		columns[i] = fmt.Sprintf("CASE WHEN list_contains(o.channels, '%[1]s') THEN 'false' ELSE CAST(consent_%[1]s AS VARCHAR) END AS consent_%[1]s", ch)
	}
	return fmt.Sprintf(`WITH said AS (
  SELECT customer_id, unnest(CASE WHEN channel IS NULL THEN [%s] ELSE [channel] END) AS channel, kind, "at" FROM %s),
last AS (SELECT customer_id, channel, arg_max(kind, "at") AS kind FROM said GROUP BY ALL),
o AS (SELECT customer_id, list(channel) AS channels FROM last WHERE kind = 'opt_out' GROUP BY customer_id),
d AS (SELECT customer_id, arg_max(kind, "at") = 'dispute' AS open FROM %s GROUP BY customer_id)
SELECT c.* REPLACE (%s,
  CASE WHEN d.open IS NULL THEN CAST(dispute AS VARCHAR) ELSE CAST(d.open AS VARCHAR) END AS dispute)
FROM %s c LEFT JOIN o ON o.customer_id = c.customer_id LEFT JOIN d ON d.customer_id = c.customer_id`,
		strings.Join(names, ", "), optOuts, disputes, strings.Join(columns, ",\n  "), company)
}
