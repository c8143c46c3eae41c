-- Bins of five days from 30 days before the due date to 120 after it, and an
-- open one on either side. Shifted so that the integer division never sees a
-- negative number.
SELECT (LEAST(GREATEST(day - due_on, -31), 120) + 35) // 5 AS bin,
       COUNT(*), SUM(amount_cents)::BIGINT
FROM pay WHERE day >= getvariable('from_on')
GROUP BY bin ORDER BY bin;
