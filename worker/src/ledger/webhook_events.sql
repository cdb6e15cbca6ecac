-- ?1: filters, null for any. Events, the latest first.
SELECT source, event_id, at_ms, status, reason, conversion_id, payload
FROM webhook_events
WHERE status = coalesce(?1 ->> 'status', status)
  AND (?1 ->> 'sources' IS NULL OR source IN (SELECT value FROM json_each(?1, '$.sources')))
  AND at_ms < coalesce(?1 ->> 'beforeMs', at_ms + 1)
ORDER BY at_ms DESC, source, event_id
LIMIT ?1 ->> 'limit'
