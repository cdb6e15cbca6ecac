-- ?1: a lead, as far as a key may see it. When it was seen, over all those sites.
SELECT min(first_seen_ms) AS first_seen_ms, max(last_seen_ms) AS last_seen_ms, max(external_user_id) AS external_user_id
FROM leads
WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
