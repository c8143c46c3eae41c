-- The segment of every customer of the lake, by the numbers of these queries
-- where he has an invoice.
CREATE TEMP TABLE member AS
SELECT m.segment, w.customer
FROM read_parquet(getvariable('members')) m LEFT JOIN who w USING (customer_id);
