-- ?1: a bot's new standing in a chat. What one bot lacks says nothing of another that is an admin there.
INSERT INTO telegram_channels (chat_id, bot, title, username, broken, changed_ms)
SELECT ?1 ->> 'chatId', ?1 ->> 'bot', ?1 ->> 'title', ?1 ->> 'username', ?1 ->> 'broken', ?1 ->> 'changedMs'
WHERE true
ON CONFLICT (chat_id) DO UPDATE SET
  bot        = excluded.bot,
  title      = excluded.title,
  username   = excluded.username,
  broken     = excluded.broken,
  changed_ms = excluded.changed_ms
WHERE excluded.changed_ms >= telegram_channels.changed_ms AND (excluded.bot = telegram_channels.bot OR excluded.broken IS NULL)
