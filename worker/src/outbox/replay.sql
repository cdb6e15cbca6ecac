-- ?1: which sends are meant. Those that came to nothing are owed anew, and what was said of them is of before. Of those that went together and were
-- refused in part each goes alone: what was taken of them is known by its id, and what was not is found.
UPDATE sends SET
  state = 'pending', owed_since_ms = ?1 ->> 'nowMs', due_ms = ?1 ->> 'nowMs', changed_ms = ?1 ->> 'nowMs', claim = NULL,
  code = NULL, words = NULL, batch_limit = iif(code = 'PARTLY_REFUSED', 1, NULL)
WHERE rowid IN (
  SELECT rowid FROM sends
  WHERE (state IN ('skipped', 'rejected', 'dead') OR (state = 'sent' AND code = 'PARTLY_REFUSED'))
    AND (?1 ->> 'websiteIds' IS NULL OR website_id IN (SELECT value FROM json_each(?1, '$.websiteIds')))
    AND (?1 ->> 'sendIds' IS NULL OR conversion_id || '_' || destination IN (SELECT value FROM json_each(?1, '$.sendIds')))
    AND (?1 ->> 'state' IS NULL OR state = ?1 ->> 'state')
    AND (?1 ->> 'platform' IS NULL OR platform = ?1 ->> 'platform')
    AND (?1 ->> 'destination' IS NULL OR destination = ?1 ->> 'destination')
    AND (?1 ->> 'fromMs' IS NULL OR made_ms >= ?1 ->> 'fromMs')
  LIMIT ?1 ->> 'limit'
)
RETURNING website_id
