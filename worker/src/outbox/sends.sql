-- ?1: which sends are meant. The latest first: so many, and those of the same ms as the last of them. Rows stand in the order
-- they were made, and those of one ms are near one another.
WITH found AS NOT MATERIALIZED (
  SELECT rowid AS id, *
  FROM sends
  WHERE (?1 ->> 'websiteIds' IS NULL OR website_id IN (SELECT value FROM json_each(?1, '$.websiteIds')))
    AND (?1 ->> 'state' IS NULL OR state = ?1 ->> 'state')
    AND (?1 ->> 'platform' IS NULL OR platform = ?1 ->> 'platform')
    AND (?1 ->> 'destination' IS NULL OR destination = ?1 ->> 'destination')
    AND (?1 ->> 'beforeMs' IS NULL OR made_ms < ?1 ->> 'beforeMs')
    AND (?1 ->> 'fromMs' IS NULL OR made_ms >= ?1 ->> 'fromMs')
),
last AS (SELECT id, made_ms FROM found ORDER BY id DESC LIMIT 1 OFFSET (?1 ->> 'limit') - 1)
SELECT *
FROM found
WHERE id > coalesce((SELECT id FROM last), 0) - 5000 AND made_ms >= coalesce((SELECT made_ms FROM last), 0)
ORDER BY id DESC
