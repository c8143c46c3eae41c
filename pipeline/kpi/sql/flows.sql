-- Money by month k: billed, collected, collected after the due date, and the
-- balance that was cancelled.
WITH billed AS (
    SELECT s.k, SUM(i.amount_cents)::BIGINT AS cents
    FROM inv i JOIN snap s ON i.issued_on >= s.prev AND i.issued_on < s.t
    GROUP BY s.k
), collected AS (
    SELECT s.k, SUM(p.amount_cents)::BIGINT AS cents,
           COALESCE(SUM(p.amount_cents) FILTER (WHERE p.day > p.due_on), 0)::BIGINT AS overdue
    FROM pay p JOIN snap s ON p.day >= s.prev AND p.day < s.t
    GROUP BY s.k
), cancelled AS (
    SELECT s.k, SUM(GREATEST(i.amount_cents - COALESCE(
               (SELECT SUM(p.amount_cents)::BIGINT FROM pay p
                WHERE p.invoice = i.invoice AND p.day < i.cancelled_on), 0), 0))::BIGINT AS cents
    FROM inv i JOIN snap s ON i.cancelled_on >= s.prev AND i.cancelled_on < s.t
    GROUP BY s.k
)
SELECT s.k, COALESCE(b.cents, 0), COALESCE(c.cents, 0), COALESCE(c.overdue, 0), COALESCE(x.cents, 0)
FROM snap s LEFT JOIN billed b USING (k) LEFT JOIN collected c USING (k) LEFT JOIN cancelled x USING (k)
WHERE s.k > 0 ORDER BY s.k;
