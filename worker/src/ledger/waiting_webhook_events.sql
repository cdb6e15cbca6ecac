-- ?1: a source and its site. Its events whose visitor has joined meanwhile, the oldest first.
SELECT event_id, at_ms, payload, person
FROM webhook_events
WHERE source = ?1 ->> 'source' AND status = 'failed' AND temp_id IS NOT NULL AND at_ms >= ?1 ->> 'sinceMs'
  AND EXISTS (
    SELECT 1
    FROM clicks JOIN conversions USING (click_id)
    WHERE clicks.temp_id = webhook_events.temp_id AND conversions.website_id = ?1 ->> 'websiteId'
  )
ORDER BY at_ms
LIMIT ?1 ->> 'limit'
