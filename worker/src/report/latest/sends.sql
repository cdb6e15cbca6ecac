-- ?1: a page. Rows stand in the order they were made, and none has changed before: by halves, it is found from where on they are too new,
-- and a minute beyond.
WHERE sends.rowid <= (
    WITH RECURSIVE halves (low, high) AS (
      SELECT (SELECT min(rowid) FROM sends), (SELECT max(rowid) FROM sends)
      UNION ALL
      SELECT
        iif((SELECT made_ms FROM sends WHERE rowid <= (low + high + 1) / 2 ORDER BY rowid DESC LIMIT 1) < coalesce(?1 ->> 'beforeMs', 9e15) + 60000, (low + high + 1) / 2, low),
        iif((SELECT made_ms FROM sends WHERE rowid <= (low + high + 1) / 2 ORDER BY rowid DESC LIMIT 1) < coalesce(?1 ->> 'beforeMs', 9e15) + 60000, high, (low + high + 1) / 2 - 1)
      FROM halves WHERE low < high
    )
    SELECT low FROM halves WHERE low >= high
  )
  AND changed_ms < coalesce(?1 ->> 'beforeMs', 9e15) AND (?1 ->> 'websiteId' IS NULL OR sends.website_id = ?1 ->> 'websiteId')
ORDER BY sends.rowid DESC
LIMIT ?1 ->> 'limit'
