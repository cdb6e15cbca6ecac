-- ?1: the time. What nobody takes any more: its destination is in no setting, or all attempts came to nothing.
UPDATE sends SET
  state = 'dead', changed_ms = ?1 ->> 'nowMs', code = coalesce(code, 'EXPIRED'),
  words = coalesce(words, 'it was tried by nobody: is its destination still in the settings?')
WHERE state = 'pending' AND owed_since_ms <= ?1 ->> 'expiredMs' AND due_ms <= ?1 ->> 'nowMs'
