-- ?1: a page of what AdStat says its ads did on a day each.
INSERT INTO ad_days (day, ad_id, campaign_id, impressions, clicks, spent_micros, currency)
SELECT
  value ->> 'day', value ->> 'adId', value ->> 'campaignId', value ->> 'impressions', value ->> 'clicks', value ->> 'spentMicros', value ->> 'currency'
FROM json_each(?1)
WHERE true
-- An ad that changed campaigns within the day has a row of each.
ON CONFLICT (day, ad_id) DO UPDATE SET
  impressions  = ad_days.impressions + excluded.impressions,
  clicks       = ad_days.clicks + excluded.clicks,
  spent_micros = ad_days.spent_micros + excluded.spent_micros
