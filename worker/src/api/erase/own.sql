-- ?1: a person, as far as a key may see it. `own`: the clicks that are its; `browsers`: those it is known by, those the clicks came from, and those that
-- named it by the site's own id. Who was only led to a chat by a click that another joined or bought by, had it from them.
WITH
own AS (
  SELECT ?1 ->> 'clickId' AS click_id
  UNION
  SELECT click_id FROM conversions WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT click_id FROM members WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId' OR ((website_id = '' OR click_id IS NULL) AND chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
  UNION
  SELECT click_id FROM invite_names
  WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
    AND NOT EXISTS (SELECT 1 FROM members AS other WHERE other.click_id = invite_names.click_id AND other.telegram_user_id <> invite_names.telegram_user_id)
    AND NOT EXISTS (SELECT 1 FROM conversions AS other WHERE other.click_id = invite_names.click_id AND other.telegram_user_id <> invite_names.telegram_user_id)
),
browsers AS (
  SELECT value AS temp_id FROM json_each(?1, '$.tempIds')
  UNION
  SELECT temp_id FROM clicks WHERE click_id IN (SELECT click_id FROM own)
  UNION
  -- Of clicks that are forgotten.
  SELECT joined_by FROM conversions
  WHERE telegram_user_id IN (SELECT value FROM json_each(?1, '$.telegramUserIds')) AND joined_by IS NOT NULL AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT temp_id FROM json_each(?1, '$.externalIds') AS own_id
  JOIN visits ON visits.external_user_id = own_id.value ->> 'externalUserId' AND visits.website_id = own_id.value ->> 'websiteId'
)
