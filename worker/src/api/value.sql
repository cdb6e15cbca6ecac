-- ?1: the value of a Purchase that awaits it.
UPDATE conversions SET
  value_minor  = ?1 ->> 'valueMinor',
  currency     = ?1 ->> 'currency',
  awaits_value = 0,
  valued_ms    = ?1 ->> 'toldMs',
  person       = json_patch(?1 -> 'person', person)
WHERE conversion_id = ?1 ->> 'conversionId' AND telegram_user_id = ?1 ->> 'telegramUserId'
  AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId') AND awaits_value
