SELECT
  'leave' AS kind, changed_ms AS at_ms, CAST(chat_id AS TEXT) AS chat_id,
  json_patch('{}', json_object('telegramUserId', telegram_user_id, 'clickId', click_id, 'status', status, 'joinedAt', first_joined_ms)) AS detail
FROM members
