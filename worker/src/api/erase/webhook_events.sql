-- ?1: a person, as far as a key may see it, behind `trail`. What webhooks told of its conversions, what failed, and what waits for its browsers.
DELETE FROM webhook_events
WHERE conversion_id IN (
    SELECT conversion_id FROM conversions WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
    UNION SELECT conversion_id FROM owed_conversions WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  )
  OR (telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR source IN (SELECT value FROM json_each(?1, '$.sources'))))
  OR (
    status = 'failed' AND (?1 ->> 'websiteId' IS NULL OR source IN (SELECT value FROM json_each(?1, '$.sources')))
    AND (temp_id IN (SELECT id FROM erased WHERE website_id = coalesce(?1 ->> 'websiteId', '') AND erased_ms = ?1 ->> 'nowMs') OR person ->> 'externalId' IN (SELECT value FROM json_each(?1, '$.externalIdsSha256')))
  )
