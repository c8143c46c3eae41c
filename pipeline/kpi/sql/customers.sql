SELECT (SELECT COUNT(*) FROM customers),
       COUNT(DISTINCT customer_id),
       COUNT(DISTINCT customer_id) FILTER (WHERE bucket > 0)
FROM open_at WHERE k = getvariable('months');
