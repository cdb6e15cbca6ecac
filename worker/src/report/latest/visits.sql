-- ?1: a page. Rows stand in the order they came.
WHERE visits.at_ms < coalesce(?1 ->> 'beforeMs', visits.at_ms + 1) AND (?1 ->> 'websiteId' IS NULL OR visits.website_id = ?1 ->> 'websiteId')
ORDER BY visits.rowid DESC
LIMIT ?1 ->> 'limit'
