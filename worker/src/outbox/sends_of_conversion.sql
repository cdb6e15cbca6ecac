-- ?1: which sends are meant, among them those of one conversion.
SELECT * FROM sends
WHERE conversion_id = ?1 ->> 'conversionId'
  AND (?1 ->> 'websiteIds' IS NULL OR website_id IN (SELECT value FROM json_each(?1, '$.websiteIds')))
  AND (?1 ->> 'state' IS NULL OR state = ?1 ->> 'state')
  AND (?1 ->> 'platform' IS NULL OR platform = ?1 ->> 'platform')
  AND (?1 ->> 'destination' IS NULL OR destination = ?1 ->> 'destination')
