-- Behind `link`. A click is the first one's who joins by it. One who is a click's already stays with that of the earlier join.
, free AS (
  SELECT click_id FROM link WHERE ?1 ->> 'joined' AND NOT EXISTS (
    SELECT 1 FROM members AS other
    WHERE other.click_id = link.click_id AND (chat_id, telegram_user_id) <> (?1 ->> 'chatId', ?1 ->> 'telegramUserId')
  )
)
INSERT INTO members (
  chat_id, telegram_user_id, status, changed_ms, changed_by, first_joined_ms, joins, website_id, channel_id,
  click_id, origin_source, origin_campaign, origin_ad
)
SELECT
  ?1 ->> 'chatId', ?1 ->> 'telegramUserId', ?1 ->> 'status', ?1 ->> 'changedMs', ?1 ->> 'updateId',
  CASE WHEN ?1 ->> 'joined' THEN ?1 ->> 'changedMs' END, ?1 ->> 'joined',
  coalesce(?1 ->> 'websiteId', ''), coalesce(?1 ->> 'channelId', ''),
  (SELECT click_id FROM free),
  coalesce((SELECT source FROM click_origins WHERE click_id = (SELECT click_id FROM free)), ''),
  coalesce((SELECT campaign FROM click_origins WHERE click_id = (SELECT click_id FROM free)), ''),
  coalesce((SELECT ad FROM click_origins WHERE click_id = (SELECT click_id FROM free)), '')
WHERE NOT EXISTS (SELECT 1 FROM telegram_updates WHERE bot = ?1 ->> 'bot' AND update_id = ?1 ->> 'updateId')
ON CONFLICT (chat_id, telegram_user_id) DO UPDATE SET
  status = CASE
    WHEN (excluded.changed_ms, excluded.changed_by) > (members.changed_ms, members.changed_by) THEN excluded.status
    ELSE members.status END,
  changed_by = CASE
    WHEN (excluded.changed_ms, excluded.changed_by) > (members.changed_ms, members.changed_by) THEN excluded.changed_by
    ELSE members.changed_by END,
  changed_ms = max(members.changed_ms, excluded.changed_ms),
  -- Who was a member before by nobody's click joins when a click brings them.
  first_joined_ms = CASE
    WHEN (members.click_id IS NULL) = (excluded.click_id IS NULL) OR members.first_joined_ms IS NULL OR excluded.first_joined_ms IS NULL
    THEN coalesce(min(members.first_joined_ms, excluded.first_joined_ms), members.first_joined_ms, excluded.first_joined_ms)
    WHEN excluded.click_id IS NULL THEN members.first_joined_ms
    ELSE excluded.first_joined_ms END,
  joins = members.joins + excluded.joins,
  (website_id, channel_id, click_id, origin_source, origin_campaign, origin_ad) = (
    SELECT excluded.website_id, excluded.channel_id, excluded.click_id, excluded.origin_source, excluded.origin_campaign, excluded.origin_ad
    WHERE excluded.click_id IS NOT NULL
      AND (members.click_id IS NULL OR excluded.changed_ms < (SELECT event_ms FROM conversions WHERE conversion_id = ?1 ->> 'conversionId'))
    UNION ALL
    SELECT
      iif(members.website_id = '', excluded.website_id, members.website_id), iif(members.website_id = '', excluded.channel_id, members.channel_id),
      members.click_id, members.origin_source, members.origin_campaign, members.origin_ad
    LIMIT 1
  )
