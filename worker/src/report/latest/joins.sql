-- ?1: a page.
WHERE first_joined_ms IS NOT NULL AND (first_joined_ms, chat_id, telegram_user_id) < (coalesce(?1 ->> 'beforeMs', 9e15), ?1 ->> 'a', ?1 ->> 'b')
  AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId' OR (website_id = '' AND chat_id IN (SELECT value FROM json_each(?1, '$.chatIds'))))
ORDER BY first_joined_ms DESC, chat_id DESC, telegram_user_id DESC
LIMIT ?1 ->> 'limit'
