  , website_id, channel_id, CAST(chat_id AS TEXT) AS chat_id, joins, leaves
FROM moves
-- ?1: a time in days, and a site with its chats.
WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay' AND (
    ?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId' OR (website_id = '' AND chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
  )
