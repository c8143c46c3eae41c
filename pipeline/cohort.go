package pipeline

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dunning/data"
	"dunning/features"
)

// CohortsName is the file of cohort statistics in the output of the features
// stage.
const CohortsName = "cohorts.parquet"

// lakeViews makes each table of an extract's output readable under its name.
func (e *engine) lakeViews(in Output) error {
	for _, table := range SourceTables {
		var paths []string
		for _, f := range in.Parts(table) {
			paths = append(paths, in.Path(f.Name))
		}
		if len(paths) == 0 {
			return fmt.Errorf("%s: %w: no table %s", in.Dir, data.ErrDamagedFile, table)
		}
		if err := e.exec(fmt.Sprintf("CREATE VIEW %s AS SELECT * FROM read_parquet([%s])", table, quoteAll(paths))); err != nil {
			return err
		}
	}
	return nil
}

// cohortSQL computes [features.CohortRow] for every month start up to a day.
//
// An invoice belongs to the cohorts of the months that start within 90 days
// after its due date. It was paid in full on the day on which its payments
// first reached its amount; payments after that month's start are not known
// there. One that was cancelled by its due date never fell due. All sums are
// of integers, so the order of rows and the number of threads change nothing.
const cohortSQL = `
WITH paid AS (
	SELECT invoice_id, CAST(paid_at AS DATE) AS day,
		sum(amount_cents) OVER (PARTITION BY invoice_id ORDER BY CAST(paid_at AS DATE) RANGE UNBOUNDED PRECEDING) AS total
	FROM payments
), settled AS (
	SELECT i.invoice_id, min(p.day) AS paid_on
	FROM invoices i JOIN paid p ON p.invoice_id = i.invoice_id AND p.total >= i.amount_cents
	GROUP BY i.invoice_id
), fallen AS (
	SELECT c.uf, c.segment, i.product, i.due_on,
		CASE WHEN i.cancelled_on IS NULL OR s.paid_on <= i.cancelled_on THEN s.paid_on END AS paid_on
	FROM invoices i JOIN customers c ON c.customer_id = i.customer_id
		LEFT JOIN settled s ON s.invoice_id = i.invoice_id
	WHERE i.amount_cents > 0 AND (i.cancelled_on IS NULL OR i.cancelled_on > i.due_on) AND i.due_on < DATE '%[1]s'
), seen AS (
	SELECT f.*, CAST(m.month AS DATE) AS month
	FROM fallen f, unnest(generate_series(
		date_trunc('month', CAST(f.due_on AS TIMESTAMP)) + INTERVAL 1 MONTH,
		least(CAST(f.due_on + 90 AS TIMESTAMP), TIMESTAMP '%[1]s'), INTERVAL 1 MONTH)) AS m(month)
), named AS (
	SELECT 'uf' AS kind, uf AS name, month, due_on, paid_on FROM seen
	UNION ALL SELECT 'segment', segment, month, due_on, paid_on FROM seen
	UNION ALL SELECT 'product', product, month, due_on, paid_on FROM seen
), counted AS (
	SELECT kind, name, month, count(*) AS invoices,
		count(*) FILTER (paid_on <= due_on AND paid_on < month) AS on_time,
		count(*) FILTER (paid_on < month) AS paid,
		coalesce(sum(paid_on - due_on) FILTER (paid_on < month), 0) AS late_days
	FROM named GROUP BY ALL
)
SELECT kind, name, month, invoices, on_time,
	CASE WHEN paid > 0 THEN CAST(late_days AS DOUBLE) / paid ELSE CAST('nan' AS DOUBLE) END AS mean_late_days
FROM counted ORDER BY kind, name, month`

// writeCohorts computes the cohort statistics of an extract, for all months
// that start on or before asOf, writes them as [CohortsName] into the output
// of the stage at work and returns them.
func writeCohorts(ctx context.Context, w *Work, in Output, asOf data.Date) ([]features.CohortRow, error) {
	var rows []features.CohortRow
	err := overLake(ctx, w, in, func(e *engine) error {
		return e.rows(fmt.Sprintf(cohortSQL, asOf), func(r *sql.Rows) error {
			var row features.CohortRow
			var month sql.NullTime
			if err := r.Scan(&row.Kind, &row.Name, &month, &row.Invoices, &row.OnTime, &row.MeanLateDays); err != nil {
				return err
			}
			row.Month = data.DateOf(month.Time)
			rows = append(rows, row)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("cohorts: %w", err)
	}
	f, err := data.Write(filepath.Join(w.Dir, CohortsName), rows)
	if err != nil {
		return nil, err
	}
	w.Wrote(CohortsName, f)
	return rows, nil
}

// overLake opens an engine over the tables of an extract for the time of use.
func overLake(ctx context.Context, w *Work, in Output, use func(*engine) error) error {
	e, err := openEngine(ctx, w.Config, w.Tmp)
	if err != nil {
		return err
	}
	defer e.close()
	if err := e.lakeViews(in); err != nil {
		return err
	}
	return use(e)
}

// decisionPoints runs the configured query for decision points over an extract
// and returns a folder of the scratch space with a file features.PartName(i) of
// features.PointRow for each partition, sorted by customer and day. Faulty rows
// are an error that wraps [data.ErrBadInput]: the query is the user's own.
func decisionPoints(ctx context.Context, w *Work, in Output) (dir string, err error) {
	dir = filepath.Join(w.Tmp, "points")
	err = overLake(ctx, w, in, func(e *engine) error { return e.points(w, dir) })
	if err != nil {
		return "", fmt.Errorf("features.decision_points: %w", err)
	}
	return dir, nil
}

func (e *engine) points(w *Work, dir string) error {
	query := strings.TrimRight(strings.TrimSpace(w.Config.Features.DecisionPoints), ";")
	names, _, err := e.describe(query)
	if err != nil {
		return queryError(err)
	}
	for _, c := range []string{"customer_id", "as_of", "option", "treat_prob"} {
		if !slices.Contains(names, c) {
			return fmt.Errorf("%w: no column %q (the query gives %s)", data.ErrBadInput, c, strings.Join(names, ", "))
		}
	}
	options := quoteAll(append(channelNames(), string(data.Hold)))
	err = e.exec(fmt.Sprintf(`CREATE TABLE points AS SELECT q.customer_id, TRY_CAST(q.as_of AS DATE) AS as_of, q.option,
			TRY_CAST(q.treat_prob AS DOUBLE) AS treat_prob,
			CASE WHEN c.customer_id IS NULL THEN 'unknown customer'
				WHEN TRY_CAST(q.as_of AS DATE) IS NULL THEN 'as_of is no day'
				WHEN q.option IS NULL OR q.option NOT IN (%s) THEN 'unknown option'
				WHEN q.treat_prob IS NOT NULL AND NOT coalesce(TRY_CAST(q.treat_prob AS DOUBLE) > 0 AND TRY_CAST(q.treat_prob AS DOUBLE) <= 1, false)
					THEN 'treat_prob is not above 0 and at most 1'
			END AS fault
		FROM (%s
		) q LEFT JOIN customers c ON c.customer_id = q.customer_id`, options, query))
	if err != nil {
		return queryError(err)
	}
	var bad int64
	var example sql.NullString
	err = e.row(`SELECT count(*), min(fault || ': customer ' || coalesce(CAST(customer_id AS VARCHAR), 'NULL') || ', as_of ' || coalesce(CAST(as_of AS VARCHAR), 'NULL')
		|| ', option ' || coalesce(CAST(option AS VARCHAR), 'NULL')) FROM points WHERE fault IS NOT NULL`, &bad, &example)
	if err == nil && bad > 0 {
		err = fmt.Errorf("%w: %s rows are wrong, one of them: %s", data.ErrBadInput, thousands(bad), example.String)
	}
	if err == nil {
		err = e.row(`SELECT count(*), min(customer_id || ' on ' || as_of) FROM (SELECT customer_id, as_of FROM points GROUP BY ALL HAVING count(*) > 1)`, &bad, &example)
	}
	if err == nil && bad > 0 {
		err = fmt.Errorf("%w: %s decision points come more than once, one of them: customer %s", data.ErrBadInput, thousands(bad), example.String)
	}
	if err != nil {
		return err
	}
	return e.splitPoints(w.Config.Partitions, dir)
}

func (e *engine) splitPoints(partitions int, dir string) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	for part := range partitions {
		err := e.exec(fmt.Sprintf(`COPY (SELECT customer_id, as_of, option, treat_prob FROM points
			WHERE CAST('0x' || left(md5(customer_id), 8) AS BIGINT) %% %d = %d ORDER BY customer_id, as_of)
			TO %s (FORMAT parquet)`, partitions, part, quote(filepath.Join(dir, features.PartName(part)))))
		if err != nil {
			return err
		}
	}
	return nil
}
