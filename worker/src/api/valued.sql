-- ?1: the value of a Purchase. Whether that is what it has now.
SELECT event_type = 'Purchase' AND value_minor IS ?1 ->> 'valueMinor' AND currency IS ?1 ->> 'currency' AS is_told, website_id
FROM conversions
WHERE conversion_id = ?1 ->> 'conversionId' AND telegram_user_id = ?1 ->> 'telegramUserId'
  AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
