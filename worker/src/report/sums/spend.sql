-- ?1: a time in days. What AdStat says its ads did.
SELECT
  iif(?1 ->> 'by' = 'day', day, NULL) AS day, ad_id, campaign_id, currency,
  sum(impressions) AS impressions, sum(clicks) AS clicks, CAST(sum(spent_micros) AS TEXT) AS spent_micros
FROM ad_days
WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay'
GROUP BY 1, 2, 3, 4
