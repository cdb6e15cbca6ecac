-- ?1: what came of a claim, in groups of sends to which the same happened. Only the one who has the claim says so; of what
-- nobody has claimed, anyone.
UPDATE sends SET
  state       = fate.value ->> 'state',
  due_ms      = coalesce(fate.value ->> 'dueMs', due_ms),
  batch_limit = coalesce(fate.value ->> 'batchLimit', batch_limit),
  attempts    = attempts + (fate.value ->> 'attempted'),
  changed_ms  = ?1 ->> 'nowMs',
  code        = fate.value ->> 'code',
  words       = fate.value ->> 'words',
  request_id  = coalesce(fate.value ->> 'requestId', request_id),
  match_keys  = coalesce(send.value ->> 1, match_keys)
FROM json_each(?1, '$.fates') AS fate, json_each(fate.value, '$.sends') AS send
WHERE sends.conversion_id = send.value ->> 0 AND sends.destination = ?1 ->> 'destination'
  AND sends.state = 'pending' AND sends.claim IS ?1 ->> 'claim'
