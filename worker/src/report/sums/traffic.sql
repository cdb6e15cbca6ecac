-- ?1: a time in days, a site, and what the sums are by. Of what is not asked for, all is one.
SELECT
  iif(?1 ->> 'by' = 'day', day, NULL) AS day,
  iif(?1 ->> 'by' = 'channel', website_id, '') AS website_id,
  iif(?1 ->> 'by' = 'channel', channel, '') AS channel,
  iif(?1 ->> 'by' = 'source', source, '') AS source,
  iif(?1 ->> 'by' IN ('ad', 'campaign'), campaign, '') AS campaign,
  iif(?1 ->> 'by' IN ('ad', 'campaign'), ad, '') AS ad,
  sum(visits) AS visits, sum(clicks) AS clicks
FROM traffic
WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay' AND (?1 ->> 'websiteId' IS NULL OR traffic.website_id = ?1 ->> 'websiteId')
GROUP BY 1, 2, 3, 4, 5, 6
