-- ?1: a link's name, and the click that it was made for. Who joined by the link before that was known; a click is the first one's who joined by it.
UPDATE members SET
  click_id        = ?1 ->> 'click',
  origin_source   = coalesce((SELECT source FROM click_origins WHERE click_id = ?1 ->> 'click'), ''),
  origin_campaign = coalesce((SELECT campaign FROM click_origins WHERE click_id = ?1 ->> 'click'), ''),
  origin_ad       = coalesce((SELECT ad FROM click_origins WHERE click_id = ?1 ->> 'click'), '')
WHERE click_id = ?1 ->> 'name' AND ?1 ->> 'name' <> ?1 ->> 'click'
  AND NOT EXISTS (SELECT 1 FROM members AS other WHERE other.click_id = ?1 ->> 'click')
