-- ?1: a conversion that AdTarget can't take now. Told again, it is one row.
INSERT INTO owed_conversions (conversion_id, telegram_user_id, website_id, at_ms, tried_ms, path, body, status)
SELECT
  ?1 ->> 'conversionId', ?1 ->> 'telegramUserId', ?1 ->> 'websiteId', ?1 ->> 'nowMs', ?1 ->> 'nowMs', ?1 ->> 'path', ?1 ->> 'body',
  'owed'
WHERE true
ON CONFLICT (conversion_id) DO NOTHING
