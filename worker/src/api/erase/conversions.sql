-- ?1: a lead, as far as a key may see it.
DELETE FROM conversions WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
