-- ?1: which sends are meant. How many told which keys.
SELECT website_id, destination, platform, match_keys, count(*) AS sent
FROM sends
WHERE state = 'sent'
  AND (?1 ->> 'websiteIds' IS NULL OR website_id IN (SELECT value FROM json_each(?1, '$.websiteIds')))
  AND (?1 ->> 'fromMs' IS NULL OR made_ms >= ?1 ->> 'fromMs')
  AND (?1 ->> 'beforeMs' IS NULL OR made_ms < ?1 ->> 'beforeMs')
GROUP BY website_id, destination, platform, match_keys
ORDER BY website_id, destination
