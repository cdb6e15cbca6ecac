-- A visitor's `_fbp` that came after all visits that carried one.
SELECT
  'fbp' AS kind, fbp_at_ms AS at_ms,
  (SELECT website_id FROM visits WHERE visits.temp_id = visitors.temp_id AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId') ORDER BY at_ms DESC LIMIT 1) AS website_id,
  json_object('tempId', temp_id, 'fbp', fbp) AS detail
FROM visitors
WHERE temp_id IN (SELECT value FROM json_each(?1, '$.tempIds'))
  AND fbp IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM visits WHERE visits.temp_id = visitors.temp_id AND visits.at_ms = visitors.fbp_at_ms)
  AND (?1 ->> 'websiteId' IS NULL OR EXISTS (SELECT 1 FROM visits WHERE visits.temp_id = visitors.temp_id AND visits.website_id = ?1 ->> 'websiteId'))
