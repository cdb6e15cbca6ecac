  , CAST(chat_id AS TEXT) AS chat_id, joins, leaves
FROM moves
-- ?1: a time in days, and the chats of a site.
WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
