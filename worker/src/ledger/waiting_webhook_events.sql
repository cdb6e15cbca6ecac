-- ?1: a source and its site. Its events whose visitor has joined meanwhile, the oldest first.
SELECT event_id, at_ms, payload, person
FROM webhook_events
WHERE source = ?1 ->> 'source' AND status = 'failed' AND temp_id IS NOT NULL AND at_ms >= ?1 ->> 'sinceMs'
  AND EXISTS (
    SELECT 1
    FROM conversions
    WHERE conversions.website_id = ?1 ->> 'websiteId' AND (
      conversions.joined_by = webhook_events.temp_id
      OR conversions.click_id IN (SELECT click_id FROM clicks WHERE clicks.temp_id = webhook_events.temp_id)
    )
  )
ORDER BY at_ms
LIMIT ?1 ->> 'limit'
