-- ?1: a link's name, and the click that it was made for, behind the same of members. What came of the join.
UPDATE conversions SET (click_id, origin_source, origin_campaign, origin_ad) = (
  SELECT click_id, origin_source, origin_campaign, origin_ad
  FROM members WHERE click_id = ?1 ->> 'click' AND members.telegram_user_id = conversions.telegram_user_id
)
WHERE click_id = ?1 ->> 'name' AND EXISTS (
  SELECT 1 FROM members WHERE click_id = ?1 ->> 'click' AND members.telegram_user_id = conversions.telegram_user_id
)
