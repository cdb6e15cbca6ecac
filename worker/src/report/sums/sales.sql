  , website_id, channel_id, currency, purchases, revenue_minor
FROM sales
-- ?1: a time in days, and a site.
WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
