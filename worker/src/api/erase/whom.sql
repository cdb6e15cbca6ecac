-- ?1: an id of somebody, and what a key may see. Whom it names: Telegram users and browsers, and the click itself, which the queue may still
-- hold. A click is whose joined or bought by it, else the only one's whom it led to a chat.
WITH
browsers AS (
  SELECT ?1 ->> 'tempId' AS temp_id
  UNION
  SELECT temp_id FROM clicks WHERE click_id = ?1 ->> 'clickId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT joined_by FROM conversions WHERE click_id = ?1 ->> 'clickId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT temp_id FROM visits WHERE external_user_id = ?1 ->> 'externalUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT temp_id FROM visitors
  WHERE external_user_id = ?1 ->> 'externalUserId'
    AND (?1 ->> 'websiteId' IS NULL OR EXISTS (SELECT 1 FROM visits WHERE visits.temp_id = visitors.temp_id AND visits.website_id = ?1 ->> 'websiteId'))
),
tapped AS (
  SELECT ?1 ->> 'clickId' AS click_id
  UNION
  SELECT click_id FROM clicks WHERE temp_id IN (SELECT temp_id FROM browsers) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT click_id FROM conversions WHERE joined_by IN (SELECT temp_id FROM browsers) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
),
came AS (
  SELECT telegram_user_id FROM members
  WHERE click_id IN (SELECT click_id FROM tapped) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId' OR ((website_id = '' OR click_id IS NULL) AND chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
),
led AS (
  SELECT min(telegram_user_id) AS telegram_user_id, chat_id
  FROM invite_names
  WHERE click_id IN (SELECT click_id FROM tapped) AND telegram_user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM members WHERE members.click_id = invite_names.click_id)
  GROUP BY click_id
  HAVING count(DISTINCT telegram_user_id) = 1
),
told AS (
  SELECT telegram_user_id FROM leads WHERE external_user_id = ?1 ->> 'externalUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT telegram_user_id FROM conversions
  WHERE (conversion_id = ?1 ->> 'conversionId' OR external_user_id = ?1 ->> 'externalUserId' OR click_id IN (SELECT click_id FROM tapped))
    AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT telegram_user_id FROM owed_conversions
  WHERE (conversion_id = ?1 ->> 'conversionId' OR iif(body = '', NULL, body ->> 'externalUserId') = ?1 ->> 'externalUserId')
    AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
),
people AS (
  SELECT ?1 ->> 'telegramUserId' AS telegram_user_id
  UNION
  SELECT telegram_user_id FROM told
  UNION
  SELECT telegram_user_id FROM came
  UNION
  SELECT telegram_user_id FROM led WHERE ?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))
)
SELECT
  (SELECT json_group_array(telegram_user_id) FROM people WHERE telegram_user_id IS NOT NULL) AS telegram_user_ids,
  (SELECT json_group_array(temp_id) FROM browsers WHERE temp_id IS NOT NULL) AS temp_ids
