-- ?1: a page. The two states apart, so that each is found by the index.
WHERE sends.rowid IN (
  SELECT id FROM (
    SELECT rowid AS id FROM sends
    WHERE state = 'rejected' AND state IN ('rejected', 'dead') AND changed_ms > made_ms + 60000
      AND (changed_ms, rowid) < (coalesce(?1 ->> 'beforeMs', 9e15), ?1 ->> 'a') AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
    ORDER BY changed_ms DESC, rowid DESC
    LIMIT ?1 ->> 'limit'
  )
  UNION ALL
  SELECT id FROM (
    SELECT rowid AS id FROM sends
    WHERE state = 'dead' AND state IN ('rejected', 'dead') AND changed_ms > made_ms + 60000
      AND (changed_ms, rowid) < (coalesce(?1 ->> 'beforeMs', 9e15), ?1 ->> 'a') AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
    ORDER BY changed_ms DESC, rowid DESC
    LIMIT ?1 ->> 'limit'
  )
)
ORDER BY changed_ms DESC, sends.rowid DESC
LIMIT ?1 ->> 'limit'
