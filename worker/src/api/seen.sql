-- ?1: a lead, as far as a key may see it. When it was seen, in each of those sites, the latest first.
SELECT first_seen_ms, last_seen_ms, external_user_id, organic
FROM leads
WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
ORDER BY last_seen_ms DESC
