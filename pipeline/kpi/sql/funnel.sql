WITH happened AS (
    SELECT e.touch_id,
           BOOL_OR(e.kind = 'delivered') AS delivered, BOOL_OR(e.kind = 'opened') AS opened,
           BOOL_OR(e.kind = 'replied') AS replied, BOOL_OR(e.kind = 'bounced') AS bounced
    FROM touch_events e JOIN touched t USING (touch_id)
    WHERE CAST(e."at" AS DATE) < getvariable('as_of')
    GROUP BY e.touch_id
)
SELECT t.channel, COUNT(*), COUNT(*) FILTER (WHERE h.delivered), COUNT(*) FILTER (WHERE h.opened),
       COUNT(*) FILTER (WHERE h.replied), COUNT(*) FILTER (WHERE h.bounced), SUM(t.cost_cents)::BIGINT
FROM touched t LEFT JOIN happened h USING (touch_id)
WHERE t.channel <> 'hold'
GROUP BY t.channel ORDER BY t.channel;
