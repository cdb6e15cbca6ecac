-- ?1: a lead, as far as a key may see it. The browsers it clicked in, and its clicks: all that is known of both, and what the queue still holds. A
-- click that the queue itself holds says its browser when it comes.
INSERT OR REPLACE INTO erased (id, website_id, erased_ms)
WITH
own AS (
  SELECT click_id FROM conversions WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT click_id FROM members WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
)
SELECT id, coalesce(?1 ->> 'websiteId', ''), ?1 ->> 'nowMs'
FROM (
  SELECT click_id AS id FROM own WHERE click_id IS NOT NULL
  UNION
  SELECT temp_id FROM clicks WHERE click_id IN (SELECT click_id FROM own)
)
