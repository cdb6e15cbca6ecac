-- ?1: a page. Rows stand in the order they came.
WHERE clicks.at_ms < coalesce(?1 ->> 'beforeMs', clicks.at_ms + 1) AND (?1 ->> 'websiteId' IS NULL OR clicks.website_id = ?1 ->> 'websiteId')
ORDER BY clicks.rowid DESC
LIMIT ?1 ->> 'limit'
