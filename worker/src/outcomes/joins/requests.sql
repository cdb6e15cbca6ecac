-- Behind `link`. Who asks to join by a link that is known.
INSERT INTO invite_names (name, click_id, chat_id, telegram_user_id, at_ms)
SELECT coalesce(?1 ->> '$.link.click', click_id), click_id, ?1 ->> 'chatId', ?1 ->> 'telegramUserId', ?1 ->> 'toldMs'
FROM link
WHERE click_id IS NOT NULL
ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms WHERE telegram_user_id IS excluded.telegram_user_id
