-- ?1: a lead, as far as a key may see it. Its clicks and the browsers it clicked in: what the queue still holds of them comes too late. A click that
-- the queue itself still holds says its browser when it comes.
INSERT INTO erased (id, website_id, erased_ms)
WITH
own AS (
  SELECT click_id FROM conversions WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT click_id FROM members WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
  UNION
  SELECT click_id FROM invite_names WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
)
SELECT id, coalesce(?1 ->> 'websiteId', ''), ?1 ->> 'nowMs'
FROM (
  SELECT click_id AS id FROM own WHERE click_id IS NOT NULL
  UNION
  SELECT temp_id FROM clicks WHERE click_id IN (SELECT click_id FROM own)
)
WHERE true
ON CONFLICT (id, website_id) DO UPDATE SET erased_ms = max(erased.erased_ms, excluded.erased_ms)
