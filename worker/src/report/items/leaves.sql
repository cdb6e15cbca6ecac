SELECT
  'leave' AS kind, chat_id || ' ' || telegram_user_id AS key, changed_ms AS at_ms, CAST(chat_id AS TEXT) AS chat_id,
  nullif(website_id, '') AS website_id, channel_id,
  json_patch('{}', json_object('telegramUserId', telegram_user_id, 'clickId', click_id, 'status', status, 'joinedAt', first_joined_ms)) AS detail
FROM members
