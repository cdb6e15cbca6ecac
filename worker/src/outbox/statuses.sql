-- ?1: the time. Destinations for which something waits, that gave up on something in the last 7 days, or that are left alone.
WITH counts AS (
  SELECT website_id, destination, 1 AS pending, 0 AS dead FROM sends WHERE state = 'pending'
  UNION ALL
  SELECT website_id, destination, 0, 1 FROM sends WHERE state = 'dead' AND changed_ms > (?1 ->> '$') - 604800000
  UNION ALL
  SELECT website_id, destination, 0, 0 FROM circuits WHERE open_ms > ?1 ->> '$'
)
SELECT
  website_id, destination, sum(pending) AS pending, sum(dead) AS dead,
  (SELECT code FROM circuits WHERE (circuits.website_id, circuits.destination) = (counts.website_id, counts.destination) AND open_ms > ?1 ->> '$') AS paused
FROM counts
GROUP BY website_id, destination
