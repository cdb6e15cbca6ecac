-- ?1: filters, null for any. Events, the latest first: so many, and those of the same ms as the last of them.
WITH found AS NOT MATERIALIZED (
  SELECT *
  FROM webhook_events
  WHERE status = coalesce(?1 ->> 'status', status)
    AND (?1 ->> 'sources' IS NULL OR source IN (SELECT value FROM json_each(?1, '$.sources')))
    AND at_ms < coalesce(?1 ->> 'beforeMs', at_ms + 1)
)
SELECT source, event_id, at_ms, status, reason, conversion_id, payload
FROM found
WHERE at_ms >= coalesce((SELECT at_ms FROM found ORDER BY at_ms DESC LIMIT 1 OFFSET ?1 ->> 'limit' - 1), 0)
ORDER BY at_ms DESC, source, event_id
