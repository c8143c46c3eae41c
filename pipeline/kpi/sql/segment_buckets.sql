-- Balances by segment when the period began (k = 0) and at AsOf.
SELECT m.segment, o.k, o.bucket, SUM(o.balance)::BIGINT, COUNT(*)
FROM open_at o JOIN member m USING (customer)
WHERE o.k IN (0, getvariable('months'))
GROUP BY m.segment, o.k, o.bucket ORDER BY m.segment, o.k, o.bucket;
