-- ?1: what came of a claim, in groups of sends to which the same happened. Only the one who has the claim says so; of what
-- nobody has claimed, anyone. Each group is read once: read for each of its sends, it would be written out whole a thousand times.
WITH
fates AS MATERIALIZED (
  SELECT
    value ->> 'state' AS state, value ->> 'dueMs' AS due_ms, value ->> 'batchLimit' AS batch_limit, value ->> 'attempted' AS attempted,
    value ->> 'code' AS code, value ->> 'words' AS words, value ->> 'requestId' AS request_id, value -> 'sends' AS sends
  FROM json_each(?1, '$.fates')
),
told AS MATERIALIZED (
  SELECT state, due_ms, batch_limit, attempted, code, words, request_id, send.value ->> 0 AS conversion_id, send.value ->> 1 AS match_keys
  FROM fates, json_each(fates.sends) AS send
)
UPDATE sends SET
  state       = told.state,
  due_ms      = coalesce(told.due_ms, sends.due_ms),
  batch_limit = coalesce(told.batch_limit, sends.batch_limit),
  attempts    = attempts + told.attempted,
  changed_ms  = ?1 ->> 'nowMs',
  code        = told.code,
  words       = told.words,
  request_id  = coalesce(told.request_id, sends.request_id),
  match_keys  = coalesce(told.match_keys, sends.match_keys)
FROM told
WHERE sends.conversion_id = told.conversion_id AND sends.destination = ?1 ->> 'destination'
  AND sends.state = 'pending' AND sends.claim IS ?1 ->> 'claim'
