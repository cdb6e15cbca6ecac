-- ?1: a lead, as far as a key may see it. What AdTarget was still to be told of it.
DELETE FROM owed_conversions WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
