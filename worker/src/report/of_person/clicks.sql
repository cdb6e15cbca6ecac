-- ?1: a person.
WHERE clicks.temp_id IN (SELECT value FROM json_each(?1, '$.tempIds')) AND (?1 ->> 'websiteId' IS NULL OR clicks.website_id = ?1 ->> 'websiteId')
ORDER BY clicks.at_ms DESC
LIMIT 1000
