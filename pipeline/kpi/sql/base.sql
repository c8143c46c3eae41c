-- What was known at AsOf, in one currency: invoices issued and payments made
-- before its midnight (UTC).
CREATE TEMP TABLE inv AS
SELECT invoice_id, customer_id, issued_on, due_on, amount_cents, cancelled_on
FROM invoices
WHERE issued_on < getvariable('as_of') AND currency = getvariable('currency');

CREATE TEMP TABLE pay AS
SELECT i.invoice_id, i.customer_id, i.due_on, p.paid_at,
       CAST(p.paid_at AS DATE) AS day, p.amount_cents
FROM payments p JOIN inv i USING (invoice_id)
WHERE CAST(p.paid_at AS DATE) < getvariable('as_of');

CREATE TEMP TABLE settled AS
SELECT invoice_id, SUM(amount_cents)::BIGINT AS paid, MAX(day) AS last_day
FROM pay GROUP BY invoice_id;

CREATE TEMP TABLE touched AS
SELECT touch_id, customer_id, channel, sent_at, cost_cents, template, treat_prob,
       CAST(sent_at AS DATE) AS day
FROM touches
WHERE CAST(sent_at AS DATE) >= getvariable('from_on')
  AND CAST(sent_at AS DATE) < getvariable('as_of');
