-- ?1: a person.
WHERE visits.temp_id IN (SELECT value FROM json_each(?1, '$.tempIds')) AND (?1 ->> 'websiteId' IS NULL OR visits.website_id = ?1 ->> 'websiteId')
ORDER BY visits.at_ms DESC
LIMIT 1000
