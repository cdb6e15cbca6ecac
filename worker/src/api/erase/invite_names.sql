-- ?1: a lead, as far as a key may see it. The links that were made for its clicks, and for itself.
DELETE FROM invite_names
WHERE click_id IN (
    SELECT click_id FROM conversions WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
    UNION SELECT click_id FROM members WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
  )
  OR (telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
