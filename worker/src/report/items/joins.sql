SELECT
  'join' AS kind, chat_id || ' ' || telegram_user_id AS key, first_joined_ms AS at_ms, CAST(chat_id AS TEXT) AS chat_id,
  nullif(website_id, '') AS website_id, channel_id,
  json_patch('{}', json_object(
    'telegramUserId', telegram_user_id, 'clickId', members.click_id, 'organic', json(iif(members.click_id IS NULL, 'true', 'false')),
    'source', nullif(origin_source, ''), 'campaign', nullif(origin_campaign, ''), 'ad', nullif(origin_ad, '')
  )) AS detail
FROM members
