SELECT
  'join' AS kind, first_joined_ms AS at_ms, CAST(chat_id AS TEXT) AS chat_id,
  json_patch('{}', json_object(
    'telegramUserId', telegram_user_id, 'clickId', members.click_id, 'organic', json(iif(members.click_id IS NULL, 'true', 'false')),
    'source', nullif(coalesce((SELECT source FROM kept_origins WHERE kept_origins.click_id = members.click_id), (SELECT source FROM click_origins WHERE click_origins.click_id = members.click_id)), ''), 'campaign', nullif(coalesce((SELECT campaign FROM kept_origins WHERE kept_origins.click_id = members.click_id), (SELECT campaign FROM click_origins WHERE click_origins.click_id = members.click_id)), ''),
    'ad', nullif(coalesce((SELECT ad FROM kept_origins WHERE kept_origins.click_id = members.click_id), (SELECT ad FROM click_origins WHERE click_origins.click_id = members.click_id)), '')
  )) AS detail
FROM members
