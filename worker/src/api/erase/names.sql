-- ?1: a person, as far as a key may see it. The sites' own ids of it, but for those that others bear, too.
WITH known AS (
  SELECT website_id, external_user_id FROM leads WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT website_id, external_user_id FROM conversions WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
)
SELECT json_group_array(json_object('websiteId', website_id, 'externalUserId', external_user_id)) AS names
FROM known
WHERE external_user_id IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM leads AS other
    WHERE (other.website_id, other.external_user_id) = (known.website_id, known.external_user_id) AND other.telegram_user_id NOT IN (SELECT value FROM json_each(?1, '$.telegramUserIds'))
  )
  AND NOT EXISTS (
    SELECT 1 FROM conversions AS other
    WHERE (other.website_id, other.external_user_id) = (known.website_id, known.external_user_id) AND other.telegram_user_id NOT IN (SELECT value FROM json_each(?1, '$.telegramUserIds'))
  )
