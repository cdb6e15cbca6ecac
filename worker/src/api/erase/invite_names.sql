-- ?1: a person, as far as a key may see it, behind `trail`. The links that were made for it, and those for its clicks that say nobody.
DELETE FROM invite_names
WHERE (telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
  OR (telegram_user_id IS NULL AND click_id IN (SELECT id FROM erased WHERE website_id = coalesce(?1 ->> 'websiteId', '') AND erased_ms = ?1 ->> 'nowMs'))
