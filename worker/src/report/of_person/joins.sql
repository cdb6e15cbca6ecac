-- ?1: a person.
WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND first_joined_ms IS NOT NULL AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
LIMIT 1000
