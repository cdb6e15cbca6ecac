-- ?1: what a platform said of the events of a kind in a request that it had taken; without a code: nothing yet, and when to ask
-- again; pending: when to send it again.
UPDATE sends SET
  state      = ?1 ->> 'state',
  code       = coalesce(?1 ->> 'code', code),
  words      = ?1 ->> 'words',
  due_ms     = coalesce(?1 ->> 'askMs', due_ms),
  changed_ms = iif(?1 ->> 'code' IS NULL, changed_ms, ?1 ->> 'nowMs')
WHERE state = 'sent' AND code = 'TAKEN' AND due_ms = ?1 ->> 'dueMs'
  AND website_id = ?1 ->> 'websiteId' AND destination = ?1 ->> 'destination' AND request_id = ?1 ->> 'requestId'
  AND EXISTS (
    SELECT 1 FROM conversions
    WHERE conversions.conversion_id = sends.conversion_id
      AND event_type = ?1 ->> 'eventType' AND custom_event_name IS ?1 ->> 'customEventName'
  )
