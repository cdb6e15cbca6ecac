-- ?1: a time in days, and the chats of a site. Behind what the sums are by.
  sum(joins) AS joins, sum(leaves) AS leaves
FROM moves
WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
