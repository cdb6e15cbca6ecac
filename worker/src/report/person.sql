-- Behind `asked` and `external_ids`. Whom it is about: browsers, Telegram users, and the clicks between them.
, browsers AS (
  SELECT ?1 ->> 'tempId' AS temp_id
  UNION
  SELECT temp_id FROM external_ids JOIN visits USING (website_id, external_user_id)
  UNION
  SELECT temp_id FROM visits WHERE external_user_id = ?1 ->> 'externalUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT temp_id FROM clicks WHERE click_id IN (SELECT click_id FROM asked) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
),
tapped AS (
  SELECT click_id FROM asked WHERE click_id IS NOT NULL
  UNION
  SELECT click_id FROM clicks WHERE temp_id IN (SELECT temp_id FROM browsers) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
),
people AS (
  SELECT telegram_user_id FROM asked
  UNION
  SELECT telegram_user_id FROM members WHERE click_id IN (SELECT click_id FROM tapped) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId' OR ((website_id = '' OR click_id IS NULL) AND chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
  UNION
  SELECT telegram_user_id FROM conversions WHERE click_id IN (SELECT click_id FROM tapped) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  -- Of clicks that are forgotten.
  SELECT telegram_user_id FROM conversions WHERE joined_by IN (SELECT temp_id FROM browsers) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
),
theirs AS (
  SELECT click_id FROM tapped
  UNION
  SELECT click_id FROM members WHERE telegram_user_id IN (SELECT telegram_user_id FROM people) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId' OR ((website_id = '' OR click_id IS NULL) AND chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
  UNION
  SELECT click_id FROM conversions WHERE telegram_user_id IN (SELECT telegram_user_id FROM people) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
)
SELECT
  (SELECT json_group_array(temp_id) FROM (
    SELECT temp_id FROM browsers WHERE temp_id IS NOT NULL
    UNION
    SELECT temp_id FROM clicks WHERE click_id IN (SELECT click_id FROM theirs) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
    UNION
    SELECT joined_by FROM conversions WHERE telegram_user_id IN (SELECT telegram_user_id FROM people) AND joined_by IS NOT NULL AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId') LIMIT 1000
  )) AS temp_ids,
  (SELECT json_group_array(telegram_user_id) FROM (SELECT telegram_user_id FROM people WHERE telegram_user_id IS NOT NULL LIMIT 1000)) AS telegram_user_ids
