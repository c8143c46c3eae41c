-- What was overdue when the period began (opening) or became so in it, from
-- the day it was first overdue in the period, and what was paid on it.
WITH assigned AS (
    SELECT invoice, amount_cents, due_on < getvariable('from_on') AS opening,
           GREATEST(getvariable('from_on'), due_on + 1) AS since
    FROM inv
    WHERE due_on < getvariable('as_of')
      AND (cancelled_on IS NULL OR cancelled_on >= GREATEST(getvariable('from_on'), due_on + 1))
), sums AS (
    SELECT a.invoice,
           COALESCE(SUM(p.amount_cents) FILTER (WHERE p.day < a.since), 0)::BIGINT AS before,
           COALESCE(SUM(p.amount_cents) FILTER (WHERE p.day >= a.since), 0)::BIGINT AS after
    FROM assigned a JOIN pay p USING (invoice) GROUP BY a.invoice
), balances AS (
    SELECT a.opening, GREATEST(a.amount_cents - COALESCE(s.before, 0), 0) AS balance, COALESCE(s.after, 0) AS after
    FROM assigned a LEFT JOIN sums s USING (invoice)
)
SELECT COALESCE(SUM(balance), 0)::BIGINT,
       COALESCE(SUM(LEAST(balance, after)), 0)::BIGINT,
       COALESCE(SUM(balance) FILTER (WHERE opening), 0)::BIGINT,
       COALESCE(SUM(LEAST(balance, after)) FILTER (WHERE opening), 0)::BIGINT
FROM balances;
