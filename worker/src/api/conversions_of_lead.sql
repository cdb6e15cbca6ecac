-- ?1: a lead, as far as a key may see it. Its conversions, the latest first.
SELECT conversion_id, channel_id, event_type, capi_status, attributed_ms, value_minor, currency, source
FROM conversions
WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
ORDER BY attributed_ms DESC, conversion_id
LIMIT 1000
