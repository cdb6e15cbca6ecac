-- ?1: a lead, as far as a key may see it. Whether anything is known of it.
SELECT
  EXISTS (SELECT 1 FROM leads WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId'))
  OR EXISTS (SELECT 1 FROM conversions WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId'))
  OR EXISTS (SELECT 1 FROM members WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
  OR EXISTS (SELECT 1 FROM invite_names WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
  OR EXISTS (SELECT 1 FROM webhook_events WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR source IN (SELECT value FROM json_each(?1, '$.sources'))))
  OR EXISTS (SELECT 1 FROM owed_conversions WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')) AS is_known
