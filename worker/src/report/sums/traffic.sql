-- ?1: a time in days, and a site. Behind what the sums are by.
  sum(visits) AS visits, sum(clicks) AS clicks
FROM traffic
WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
