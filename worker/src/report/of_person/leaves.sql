-- ?1: a person. Who came by no click is everybody's who leads to the chat.
WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND status <> 'member'
  AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId' OR ((website_id = '' OR click_id IS NULL) AND chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
LIMIT 1000
