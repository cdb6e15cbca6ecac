-- ?1: the time. Destinations for which something waits, that gave up on something in the last 7 days, or that are left alone.
WITH
each AS (
  SELECT website_id, destination, 1 AS pending, code IS 'KIND_REFUSED' AS held, 0 AS dead, rowid AS id FROM sends WHERE state = 'pending'
  UNION ALL
  SELECT website_id, destination, 0, 0, 1, NULL FROM sends WHERE state = 'dead' AND changed_ms > (?1 ->> '$') - 604800000
  UNION ALL
  SELECT website_id, destination, 0, 0, 0, NULL FROM circuits WHERE open_ms > ?1 ->> '$'
),
counts AS (
  -- Of those that wait, the first that was made.
  SELECT website_id, destination, sum(pending) AS pending, sum(held) AS held, sum(dead) AS dead, min(id) AS first FROM each GROUP BY website_id, destination
)
SELECT
  website_id, destination, pending, held, dead,
  (SELECT owed_since_ms FROM sends WHERE sends.rowid = first) AS oldest_ms,
  (
    SELECT code FROM circuits
    WHERE (circuits.website_id, circuits.destination) = (counts.website_id, counts.destination)
      -- A token that was refused is so until it is taken, between two pauses as well.
      AND (open_ms > ?1 ->> '$' OR (code = 'CREDENTIALS' AND pending > 0))
  ) AS paused
FROM counts
