-- ?1: a time, the chats of a site, and what the sums are by. A person joins a channel once, and has left it who is out of it now.
WITH moved AS (
  SELECT first_joined_ms AS at_ms, chat_id, click_id, 1 AS joins, 0 AS leaves
  FROM members
  WHERE first_joined_ms >= ?1 ->> 'fromMs' AND first_joined_ms < ?1 ->> 'toMs'
    AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
  UNION ALL
  SELECT changed_ms, chat_id, click_id, 0, 1
  FROM members
  WHERE status <> 'member' AND changed_ms >= ?1 ->> 'fromMs' AND changed_ms < ?1 ->> 'toMs' AND first_joined_ms IS NOT NULL
    AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
)
