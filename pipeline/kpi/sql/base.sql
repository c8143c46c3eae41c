-- What was known at AsOf, in one currency: invoices issued and payments made
-- before its midnight (UTC). Numbers stand for the ids of invoices and
-- customers inside these queries: they are narrow, and which is which does not
-- matter.
CREATE TEMP TABLE who AS
SELECT customer_id, ROW_NUMBER() OVER ()::INTEGER AS customer
FROM (SELECT DISTINCT customer_id FROM invoices);

CREATE TEMP TABLE inv AS
SELECT ROW_NUMBER() OVER ()::INTEGER AS invoice, v.invoice_id, w.customer,
       v.issued_on, v.due_on, v.amount_cents, v.cancelled_on
FROM invoices v JOIN who w USING (customer_id)
WHERE v.issued_on < getvariable('as_of') AND v.currency = getvariable('currency');

CREATE TEMP TABLE pay AS
SELECT i.invoice, i.customer, i.due_on, p.paid_at,
       CAST(p.paid_at AS DATE) AS day, p.amount_cents
FROM payments p JOIN inv i USING (invoice_id)
WHERE CAST(p.paid_at AS DATE) < getvariable('as_of');

CREATE TEMP TABLE touched AS
SELECT touch_id, customer_id, channel, sent_at, cost_cents, template, treat_prob,
       CAST(sent_at AS DATE) AS day
FROM touches
WHERE CAST(sent_at AS DATE) >= getvariable('from_on')
  AND CAST(sent_at AS DATE) < getvariable('as_of');
