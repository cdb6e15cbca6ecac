-- ?1: a page. Rows stand in the order they came, which is that of their times but for those that were long in the queue: by halves, it is found from
-- where on they are too new, and an hour beyond.
WHERE visits.rowid <= (
    WITH RECURSIVE halves (low, high) AS (
      SELECT (SELECT min(rowid) FROM visits), (SELECT max(rowid) FROM visits)
      UNION ALL
      SELECT
        iif((SELECT at_ms FROM visits WHERE rowid <= (low + high + 1) / 2 ORDER BY rowid DESC LIMIT 1) < coalesce(?1 ->> 'beforeMs', 9e15) + 3600000, (low + high + 1) / 2, low),
        iif((SELECT at_ms FROM visits WHERE rowid <= (low + high + 1) / 2 ORDER BY rowid DESC LIMIT 1) < coalesce(?1 ->> 'beforeMs', 9e15) + 3600000, high, (low + high + 1) / 2 - 1)
      FROM halves WHERE low < high
    )
    SELECT low FROM halves WHERE low >= high
  )
  AND visits.at_ms < coalesce(?1 ->> 'beforeMs', 9e15) AND (?1 ->> 'websiteId' IS NULL OR visits.website_id = ?1 ->> 'websiteId')
ORDER BY visits.rowid DESC
LIMIT ?1 ->> 'limit'
