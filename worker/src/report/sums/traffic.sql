  , website_id, channel, visits, clicks
FROM traffic
-- ?1: a time in days, and a site.
WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
