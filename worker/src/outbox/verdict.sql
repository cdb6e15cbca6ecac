-- ?1: what a platform said of sends that it had taken; without a code: nothing yet, and when to ask again.
UPDATE sends SET
  state      = ?1 ->> 'state',
  code       = coalesce(?1 ->> 'code', code),
  words      = ?1 ->> 'words',
  due_ms     = coalesce(?1 ->> 'dueMs', due_ms),
  changed_ms = iif(?1 ->> 'code' IS NULL, changed_ms, ?1 ->> 'nowMs')
WHERE conversion_id IN (SELECT value FROM json_each(?1, '$.conversionIds')) AND destination = ?1 ->> 'destination'
  AND state = 'sent' AND code = 'TAKEN' AND request_id = ?1 ->> 'requestId'
