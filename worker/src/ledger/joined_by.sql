-- ?1: what clicks are forgotten (`before`, `limit`). Who joined by one of them is known by the browser from then on.
UPDATE conversions SET joined_by = (SELECT temp_id FROM clicks WHERE clicks.click_id = conversions.click_id)
WHERE source = 'tracker' AND click_id IN (
  SELECT click_id FROM clicks WHERE at_ms < ?1 ->> 'before' AND rowid IN (SELECT rowid FROM clicks ORDER BY rowid LIMIT ?1 ->> 'limit')
)
