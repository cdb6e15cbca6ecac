-- ?1: the time. What nobody takes any more: its destination is in no setting, or all attempts came to nothing, its own or those of others while
-- it waited for its turn.
UPDATE sends SET
  state = 'dead', changed_ms = ?1 ->> 'nowMs',
  (code, words) = (
    SELECT
      coalesce(iif(attempts > 0, sends.code, NULL), circuit.code, sends.code, 'EXPIRED'),
      coalesce(iif(attempts > 0, sends.words, NULL), circuit.words, sends.words, 'it was tried by nobody: is its destination still in the settings?')
    FROM (SELECT 1) LEFT JOIN circuits AS circuit
      ON circuit.website_id = sends.website_id AND circuit.destination = sends.destination AND circuit.failures > 0
  )
WHERE state = 'pending' AND owed_since_ms <= ?1 ->> 'expiredMs' AND due_ms <= ?1 ->> 'nowMs'
