-- ?1: a person, as far as a key may see it.
DELETE FROM conversions WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
