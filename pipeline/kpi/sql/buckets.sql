SELECT k, bucket, SUM(balance)::BIGINT, COUNT(*),
       COALESCE(SUM(balance) FILTER (WHERE entered), 0)::BIGINT
FROM open_at GROUP BY k, bucket ORDER BY k, bucket;
