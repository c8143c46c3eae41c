-- The open invoices at each month's end t (k = 0 is the start of the period),
-- with their balance and aging bucket. Invoices settled before t are left out
-- before the payments are looked at: few invoices are open at any t.
CREATE TEMP TABLE open_at AS
WITH pairs AS (
    SELECT s.k, s.t, s.prev, i.invoice_id, i.customer_id, i.due_on, i.amount_cents
    FROM inv i
    LEFT JOIN settled z USING (invoice_id)
    JOIN snap s
      ON i.issued_on < s.t
     AND (i.cancelled_on IS NULL OR i.cancelled_on >= s.t)
     AND (z.paid IS NULL OR z.paid < i.amount_cents OR z.last_day >= s.t)
), before AS (
    SELECT p.k, p.invoice_id, SUM(y.amount_cents)::BIGINT AS paid
    FROM pairs p JOIN pay y ON y.invoice_id = p.invoice_id AND y.day < p.t
    GROUP BY p.k, p.invoice_id
), balances AS (
    SELECT p.k, p.t, p.prev, p.customer_id, p.due_on, p.t - p.due_on AS days,
           p.amount_cents - COALESCE(b.paid, 0) AS balance
    FROM pairs p LEFT JOIN before b ON b.k = p.k AND b.invoice_id = p.invoice_id
)
SELECT k, customer_id, balance,
       (days >= 1)::INT + (days >= 31)::INT + (days >= 61)::INT
     + (days >= 91)::INT + (days >= 121)::INT AS bucket,
       -- in the open bucket now, in an earlier one a month ago
       days >= 121 AND prev - due_on < 121 AS entered
FROM balances WHERE balance > 0;
