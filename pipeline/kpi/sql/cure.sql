WITH delinquent AS (SELECT DISTINCT k, customer_id FROM open_at WHERE bucket > 0)
SELECT a.k + 1, COUNT(*), COUNT(*) FILTER (WHERE b.customer_id IS NULL)
FROM delinquent a
LEFT JOIN delinquent b ON b.k = a.k + 1 AND b.customer_id = a.customer_id
WHERE a.k < getvariable('months')
GROUP BY a.k ORDER BY a.k;
