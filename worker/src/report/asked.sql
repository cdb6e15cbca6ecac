-- ?1: an id of somebody, and what a key may see. The people and clicks that it names.
WITH
asked AS (
  SELECT telegram_user_id, click_id FROM conversions
  WHERE (conversion_id = ?1 ->> 'conversionId' OR telegram_user_id = ?1 ->> 'telegramUserId' OR external_user_id = ?1 ->> 'externalUserId')
    AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT telegram_user_id, click_id FROM members
  WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId' OR ((website_id = '' OR click_id IS NULL) AND chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
  UNION
  SELECT telegram_user_id, click_id FROM invite_names
  WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
    AND NOT EXISTS (SELECT 1 FROM members AS other WHERE other.click_id = invite_names.click_id AND other.telegram_user_id <> invite_names.telegram_user_id)
  UNION
  SELECT telegram_user_id, NULL FROM leads
  WHERE external_user_id = ?1 ->> 'externalUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT NULL, ?1 ->> 'clickId'
),
them AS (SELECT telegram_user_id FROM asked WHERE telegram_user_id IS NOT NULL)
