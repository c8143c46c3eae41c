SELECT s.k, t.channel, COUNT(*), SUM(t.cost_cents)::BIGINT
FROM touched t JOIN snap s ON t.day >= s.prev AND t.day < s.t
WHERE t.channel <> 'hold'
GROUP BY s.k, t.channel ORDER BY s.k, t.channel;
