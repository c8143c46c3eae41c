-- Customers by segment, and what they were billed and paid in the period.
WITH now_open AS (
    SELECT customer, BOOL_OR(bucket > 0) AS overdue
    FROM open_at WHERE k = getvariable('months') GROUP BY customer
), billed AS (
    SELECT customer, SUM(amount_cents)::BIGINT AS cents FROM inv
    WHERE issued_on >= getvariable('from_on') GROUP BY customer
), collected AS (
    SELECT customer, SUM(amount_cents)::BIGINT AS cents FROM pay
    WHERE day >= getvariable('from_on') GROUP BY customer
)
SELECT m.segment, COUNT(*), COUNT(o.customer), COUNT(*) FILTER (WHERE o.overdue),
       COALESCE(SUM(b.cents), 0)::BIGINT, COALESCE(SUM(c.cents), 0)::BIGINT
FROM member m LEFT JOIN now_open o USING (customer)
LEFT JOIN billed b ON b.customer = m.customer LEFT JOIN collected c ON c.customer = m.customer
GROUP BY m.segment ORDER BY m.segment;
