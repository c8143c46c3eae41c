-- The open invoices at each month's end t (k = 0 is the start of the period),
-- with their balance and aging bucket. The balance of an invoice is constant
-- between its events (issue, payments), so it is computed once per event and
-- then looked up: the balance after an event of day d holds for t in (d, next].
CREATE TEMP TABLE open_at AS
WITH events AS (
    SELECT invoice, issued_on AS day, amount_cents AS change FROM inv
    UNION ALL
    SELECT invoice, day, -amount_cents FROM pay
), states AS (
    SELECT invoice, day AS since,
           (SUM(change) OVER after)::BIGINT AS balance,
           LEAD(day) OVER after AS until
    FROM events
    WINDOW after AS (PARTITION BY invoice ORDER BY day, change DESC ROWS UNBOUNDED PRECEDING)
), balances AS (
    SELECT s.k, s.prev, i.customer, i.due_on, s.t - i.due_on AS days, x.balance
    FROM (SELECT * FROM states WHERE balance > 0 AND (until IS NULL OR until > since)) x
    JOIN inv i USING (invoice)
    JOIN snap s
      ON s.t > x.since AND s.t <= COALESCE(x.until, s.t)
     AND s.t > i.issued_on AND s.t <= COALESCE(i.cancelled_on, s.t)
)
SELECT k, customer, balance,
       (days >= 1)::INT + (days >= 31)::INT + (days >= 61)::INT
     + (days >= 91)::INT + (days >= 121)::INT AS bucket,
       -- in the open bucket now, in an earlier one a month ago
       days >= 121 AND prev - due_on < 121 AS entered
FROM balances;
