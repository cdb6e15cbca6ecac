-- ?1: a page.
WHERE (event_ms, conversions.rowid) < (coalesce(?1 ->> 'beforeMs', 9e15), ?1 ->> 'a') AND (?1 ->> 'websiteId' IS NULL OR conversions.website_id = ?1 ->> 'websiteId')
ORDER BY event_ms DESC, conversions.rowid DESC
LIMIT ?1 ->> 'limit'
