SELECT COUNT(*) FILTER (WHERE reach_email), COUNT(*) FILTER (WHERE reach_sms),
       COUNT(*) FILTER (WHERE reach_whatsapp), COUNT(*) FILTER (WHERE reach_voice),
       COUNT(*) FILTER (WHERE reach_letter),
       COUNT(*) FILTER (WHERE reach_email OR reach_sms OR reach_whatsapp OR reach_voice OR reach_letter),
       COUNT(*) FILTER (WHERE reach_email AND consent_email OR reach_sms AND consent_sms
           OR reach_whatsapp AND consent_whatsapp OR reach_voice AND consent_voice
           OR reach_letter AND consent_letter),
       (SELECT COUNT(DISTINCT customer_id) FROM touched WHERE channel <> 'hold'),
       COALESCE((SELECT SUM(cost_cents)::BIGINT FROM bureau_reports
           WHERE CAST("at" AS DATE) >= getvariable('from_on') AND CAST("at" AS DATE) < getvariable('as_of')), 0)
FROM customers;
