-- ?1: a person.
WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR conversions.website_id = ?1 ->> 'websiteId')
ORDER BY event_ms DESC
LIMIT 1000
