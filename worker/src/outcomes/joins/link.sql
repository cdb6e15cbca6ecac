-- ?1: an update that may bear an invite link. The click that the link was made for: by its name, which stands for another
-- click or is a click's id, else by the whole link.
WITH link AS (
  SELECT coalesce(
    (SELECT click_id FROM invite_names WHERE name = ?1 ->> '$.link.name'),
    ?1 ->> '$.link.click',
    (SELECT click_id FROM clicks WHERE personal AND invite_link = ?1 ->> '$.link.url' ORDER BY at_ms LIMIT 1)
  ) AS click_id
)
