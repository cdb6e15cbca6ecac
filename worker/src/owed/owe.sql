-- ?1: a conversion that AdTarget is to be told of. Told again, it is one row; one that was refused is owed anew. Gives a row
-- where there was nothing to do for it before.
INSERT INTO owed_conversions (conversion_id, telegram_user_id, website_id, at_ms, tried_ms, path, body, status)
SELECT
  ?1 ->> 'conversionId', ?1 ->> 'telegramUserId', ?1 ->> 'websiteId', ?1 ->> 'nowMs', ?1 ->> 'nowMs', ?1 ->> 'path', ?1 ->> 'body',
  'owed'
WHERE true
ON CONFLICT (conversion_id) DO UPDATE SET
  telegram_user_id = excluded.telegram_user_id,
  tried_ms         = excluded.tried_ms,
  path             = excluded.path,
  body             = excluded.body,
  status           = 'owed',
  reason           = NULL,
  refusals         = owed_conversions.refusals + 1
WHERE owed_conversions.status = 'refused'
RETURNING conversion_id, refusals
