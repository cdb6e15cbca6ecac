-- ?1: a conversion told: it goes to each destination of its site, once. A Purchase may have stood before, told by another; one
-- that awaits its value has to wait. What was skipped is looked at again: what was missing may have been told by now. Of an old one that is told
-- again, the sends may be forgotten, and platforms would count another twice.
INSERT INTO sends (conversion_id, destination, website_id, platform, state, made_ms, owed_since_ms, due_ms, attempts, changed_ms)
SELECT
  conversions.conversion_id, destination.value ->> 'name', conversions.website_id, destination.value ->> 'platform',
  'pending', ?1 ->> 'toldMs', ?1 ->> 'toldMs', ?1 ->> 'toldMs', 0, ?1 ->> 'toldMs'
FROM conversions JOIN json_each(?1, '$.destinations') AS destination ON destination.value ->> 'websiteId' = conversions.website_id
WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND NOT awaits_value
  AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  AND (
    conversion_id = ?1 ->> 'conversionId'
    OR (
      event_type = 'Purchase' AND ?1 ->> 'eventType' = 'Purchase' AND channel_id = ?1 ->> 'channelId'
      AND (?1 ->> 'awaitsValue' OR (value_minor = ?1 ->> 'valueMinor' AND currency = ?1 ->> 'currency'))
      AND abs(event_ms - (?1 ->> 'eventMs')) < ?1 ->> 'purchaseWindowMs'
    )
  )
  AND (
    coalesce(valued_ms, attributed_ms) > ?1 ->> 'toldMs' - ?1 ->> 'giveUpMs'
    OR EXISTS (SELECT 1 FROM sends WHERE sends.conversion_id = conversions.conversion_id AND sends.destination = destination.value ->> 'name')
  )
ON CONFLICT (conversion_id, destination) DO UPDATE SET
  state = 'pending', owed_since_ms = excluded.owed_since_ms, due_ms = excluded.due_ms, changed_ms = excluded.changed_ms,
  claim = NULL, batch_limit = NULL
WHERE sends.state = 'skipped'
