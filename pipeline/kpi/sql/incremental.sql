-- Customers with a logged decision in the period, by whether the permanent
-- random holdout has them, and what each paid from the first decision on. The
-- first decision does not depend on the arm, so the arms are comparable.
WITH arms AS (
    SELECT customer_id, MIN(sent_at) AS since, SUM(cost_cents)::BIGINT AS cost,
           BOOL_OR(channel = 'hold' AND template = 'holdout' AND COALESCE(treat_prob, 1) = 1) AS held
    FROM touched GROUP BY customer_id
), paid AS (
    SELECT a.customer_id, SUM(p.amount_cents)::BIGINT AS cents
    FROM arms a JOIN who w USING (customer_id) JOIN pay p ON p.customer = w.customer AND p.paid_at >= a.since
    GROUP BY a.customer_id
)
SELECT held, COUNT(*), COALESCE(SUM(cents), 0)::BIGINT,
       COALESCE(SUM(cents::HUGEINT * cents::HUGEINT), 0)::VARCHAR, SUM(cost)::BIGINT
FROM arms LEFT JOIN paid USING (customer_id)
GROUP BY held ORDER BY held;
