-- ?1: a page. Rows stand in the order they were made.
WHERE changed_ms < coalesce(?1 ->> 'beforeMs', changed_ms + 1) AND (?1 ->> 'websiteId' IS NULL OR sends.website_id = ?1 ->> 'websiteId')
ORDER BY sends.rowid DESC
LIMIT ?1 ->> 'limit'
