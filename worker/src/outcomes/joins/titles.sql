-- ?1: a move in a chat, and what the chat is called by then. Only where that is news.
UPDATE telegram_channels SET title = ?1 ->> 'title', username = ?1 ->> 'username'
WHERE chat_id = ?1 ->> 'chatId' AND ?1 ->> 'changedMs' >= changed_ms AND ?1 ->> 'title' IS NOT NULL
  AND (title, username) IS NOT (?1 ->> 'title', ?1 ->> 'username')
