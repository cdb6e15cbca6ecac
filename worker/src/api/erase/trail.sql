-- ?1: a person, as far as a key may see it. Its browsers and its clicks: all that is known of them, and what the queue still holds. A click that
-- the queue itself holds says its browser when it comes. Who was only led to a chat by a click that another joined or bought by, had it from them.
INSERT OR REPLACE INTO erased (id, website_id, erased_ms)
WITH
own AS (
  SELECT ?1 ->> 'clickId' AS click_id
  UNION
  SELECT click_id FROM conversions WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT click_id FROM members WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
  UNION
  SELECT click_id FROM invite_names
  WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
    AND NOT EXISTS (SELECT 1 FROM members AS other WHERE other.click_id = invite_names.click_id AND other.telegram_user_id <> invite_names.telegram_user_id)
    AND NOT EXISTS (SELECT 1 FROM conversions AS other WHERE other.click_id = invite_names.click_id AND other.telegram_user_id <> invite_names.telegram_user_id)
),
browsers AS (
  SELECT value AS temp_id FROM json_each(?1, '$.tempIds')
  UNION
  SELECT temp_id FROM clicks WHERE click_id IN (SELECT click_id FROM own)
)
SELECT id, coalesce(?1 ->> 'websiteId', ''), ?1 ->> 'nowMs'
FROM (
  SELECT click_id AS id FROM own WHERE click_id IS NOT NULL
  UNION
  SELECT temp_id FROM browsers
  UNION
  SELECT click_id FROM clicks WHERE temp_id IN (SELECT temp_id FROM browsers) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
)
