-- Instalment k of an agreement is kept when the payments since the agreement
-- reach the sum of its first k instalments in time, so that one payment does
-- not keep two instalments.
WITH agreed AS (
    SELECT promise_id, customer_id, made_at, due_on, amount_cents,
           (SUM(amount_cents) OVER (PARTITION BY customer_id, made_at
               ORDER BY due_on, instalment_no, promise_id ROWS UNBOUNDED PRECEDING))::BIGINT AS cumulative
    FROM promises WHERE CAST(made_at AS DATE) < getvariable('as_of')
), due AS (
    SELECT *, due_on + getvariable('grace')::INT AS last_day FROM agreed
    WHERE due_on + getvariable('grace')::INT >= getvariable('from_on')
      AND due_on + getvariable('grace')::INT < getvariable('as_of')
), verdict AS (
    SELECT d.promise_id, d.amount_cents, COALESCE(SUM(p.amount_cents), 0) >= d.cumulative AS kept
    FROM due d LEFT JOIN who w USING (customer_id)
    LEFT JOIN pay p
      ON p.customer = w.customer AND p.paid_at >= d.made_at AND p.day <= d.last_day
    GROUP BY d.promise_id, d.amount_cents, d.cumulative
)
SELECT COUNT(*), COUNT(*) FILTER (WHERE kept), COALESCE(SUM(amount_cents), 0)::BIGINT,
       COALESCE(SUM(amount_cents) FILTER (WHERE kept), 0)::BIGINT,
       (SELECT COUNT(*) FROM agreed WHERE CAST(made_at AS DATE) >= getvariable('from_on')),
       (SELECT COUNT(DISTINCT (customer_id, made_at)) FROM agreed WHERE CAST(made_at AS DATE) >= getvariable('from_on'))
FROM verdict;
