SELECT (SELECT COUNT(*) FROM customers),
       COUNT(DISTINCT customer),
       COUNT(DISTINCT customer) FILTER (WHERE bucket > 0)
FROM open_at WHERE k = getvariable('months');
