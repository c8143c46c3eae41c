WITH delinquent AS (SELECT DISTINCT k, customer FROM open_at WHERE bucket > 0)
SELECT a.k + 1, COUNT(*), COUNT(*) FILTER (WHERE b.customer IS NULL)
FROM delinquent a
LEFT JOIN delinquent b ON b.k = a.k + 1 AND b.customer = a.customer
WHERE a.k < getvariable('months')
GROUP BY a.k ORDER BY a.k;
