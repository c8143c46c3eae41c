-- Customers with a logged decision in the period, by whether the permanent
-- random holdout has them: what each owed at the first decision or was billed
-- since, and what was paid of it. The first decision does not depend on the
-- arm, so the arms are comparable.
WITH arms AS (
    SELECT w.customer, MIN(t.sent_at) AS since, SUM(t.cost_cents)::BIGINT AS cost,
           BOOL_OR(t.channel = 'hold' AND t.template = 'holdout' AND COALESCE(t.treat_prob, 1) = 1) AS held
    FROM touched t JOIN who w USING (customer_id) GROUP BY w.customer
), paid AS (
    SELECT p.invoice, SUM(p.amount_cents) FILTER (WHERE p.paid_at < a.since) AS before,
           SUM(p.amount_cents) FILTER (WHERE p.paid_at >= a.since) AS after
    FROM arms a JOIN pay p USING (customer) GROUP BY p.invoice
), customers_sums AS (
    SELECT a.customer,
           SUM(GREATEST(i.amount_cents - COALESCE(p.before, 0), 0))::HUGEINT AS owed,
           COALESCE(SUM(p.after), 0)::HUGEINT AS paid
    FROM arms a JOIN inv i USING (customer) LEFT JOIN paid p USING (invoice)
    WHERE i.cancelled_on IS NULL OR i.cancelled_on >= CAST(a.since AS DATE)
    GROUP BY a.customer
)
SELECT a.held, COUNT(*), SUM(a.cost)::BIGINT, COALESCE(SUM(c.paid), 0)::BIGINT, COALESCE(SUM(c.owed), 0)::BIGINT,
       COALESCE(SUM(c.paid * c.paid), 0)::VARCHAR, COALESCE(SUM(c.paid * c.owed), 0)::VARCHAR,
       COALESCE(SUM(c.owed * c.owed), 0)::VARCHAR
FROM arms a LEFT JOIN customers_sums c USING (customer)
GROUP BY a.held ORDER BY a.held;
