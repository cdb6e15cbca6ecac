-- ?1: a person, as far as a key may see it. What AdTarget was still to be told of it.
DELETE FROM owed_conversions WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
