-- Customers in arrears at a month's start and cured at its end, all months
-- together, by segment.
WITH delinquent AS (SELECT DISTINCT k, customer FROM open_at WHERE bucket > 0)
SELECT m.segment, COUNT(*), COUNT(*) FILTER (WHERE b.customer IS NULL)
FROM delinquent a JOIN member m USING (customer)
LEFT JOIN delinquent b ON b.k = a.k + 1 AND b.customer = a.customer
WHERE a.k < getvariable('months')
GROUP BY m.segment ORDER BY m.segment;
