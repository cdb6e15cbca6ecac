-- ?1: a person, as far as a key may see it. Whether anything is known of it.
SELECT
  EXISTS (SELECT 1 FROM leads WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId'))
  OR EXISTS (SELECT 1 FROM conversions WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId'))
  OR EXISTS (SELECT 1 FROM members WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId' OR ((website_id = '' OR click_id IS NULL) AND chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))))
  OR EXISTS (SELECT 1 FROM invite_names WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
  OR EXISTS (SELECT 1 FROM owed_conversions WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId'))
  OR EXISTS (SELECT 1 FROM visits WHERE temp_id IN (SELECT value FROM json_each(?1, '$.tempIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId'))
  OR EXISTS (SELECT 1 FROM clicks WHERE temp_id IN (SELECT value FROM json_each(?1, '$.tempIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId'))
  OR EXISTS (SELECT 1 FROM visitors WHERE temp_id IN (SELECT value FROM json_each(?1, '$.tempIds')) AND ?1 ->> 'websiteId' IS NULL)
  OR EXISTS (SELECT 1 FROM webhook_events WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR source IN (SELECT value FROM json_each(?1, '$.sources'))))
  OR EXISTS (
    SELECT 1 FROM webhook_events
    WHERE status = 'failed' AND (temp_id IN (SELECT value FROM json_each(?1, '$.tempIds')) OR person ->> 'externalId' IN (SELECT value FROM json_each(?1, '$.externalIdsSha256'))) AND (?1 ->> 'websiteId' IS NULL OR source IN (SELECT value FROM json_each(?1, '$.sources')))
  ) AS is_known
