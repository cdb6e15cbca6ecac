-- ?1: a page.
WHERE event_ms < coalesce(?1 ->> 'beforeMs', 9e15) AND (?1 ->> 'websiteId' IS NULL OR conversions.website_id = ?1 ->> 'websiteId')
ORDER BY event_ms DESC
LIMIT ?1 ->> 'limit'
