-- ?1: a time, a site, and what the sums are by. Where a caller told the click itself, its ids say the source.
SELECT
  iif(?1 ->> 'by' = 'day', event_ms / 86400000, NULL) AS day,
  iif(?1 ->> 'by' = 'channel', conversions.website_id, '') AS website_id,
  iif(?1 ->> 'by' = 'channel', channel_id, '') AS channel_id,
  iif(?1 ->> 'by' = 'source', coalesce(nullif(coalesce((SELECT source FROM kept_origins WHERE kept_origins.click_id = conversions.click_id),
    (SELECT source FROM click_origins WHERE click_origins.click_id = conversions.click_id)), ''), CASE
    WHEN overrides ->> 'ttclid' IS NOT NULL THEN 'tiktok'
    WHEN overrides ->> 'sccid' IS NOT NULL THEN 'snapchat'
    WHEN overrides ->> 'gclid' IS NOT NULL THEN 'google'
    WHEN overrides ->> 'fbc' IS NOT NULL THEN 'meta'
    ELSE ''
  END), '') AS source,
  iif(?1 ->> 'by' IN ('ad', 'campaign'), coalesce((SELECT campaign FROM kept_origins WHERE kept_origins.click_id = conversions.click_id),
    (SELECT campaign FROM click_origins WHERE click_origins.click_id = conversions.click_id), ''), '') AS campaign,
  iif(?1 ->> 'by' IN ('ad', 'campaign'), coalesce((SELECT ad FROM kept_origins WHERE kept_origins.click_id = conversions.click_id),
    (SELECT ad FROM click_origins WHERE click_origins.click_id = conversions.click_id), ''), '') AS ad,
  currency,
  count(*) AS purchases,
  -- As text: a sum may be beyond what JavaScript's numbers hold.
  CAST(coalesce(sum(value_minor), 0) AS TEXT) AS revenue_minor
FROM conversions
WHERE event_type = 'Purchase' AND event_ms >= ?1 ->> 'fromMs' AND event_ms < ?1 ->> 'toMs'
  AND (?1 ->> 'websiteId' IS NULL OR conversions.website_id = ?1 ->> 'websiteId')
GROUP BY 1, 2, 3, 4, 5, 6, 7
