-- ?1: a person.
WHERE conversion_id IN (SELECT conversion_id FROM conversions WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds'))) AND (?1 ->> 'websiteId' IS NULL OR sends.website_id = ?1 ->> 'websiteId')
ORDER BY changed_ms DESC
LIMIT 1000
