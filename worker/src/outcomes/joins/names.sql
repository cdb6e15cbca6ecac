-- ?1: a link's name, the click that it was made for, and whom it led where. The latest time counts.
INSERT INTO invite_names (name, click_id, chat_id, telegram_user_id, at_ms)
SELECT ?1 ->> 'name', ?1 ->> 'click', ?1 ->> 'chatId', ?1 ->> 'telegramUserId', ?1 ->> 'atMs'
WHERE true
ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms WHERE telegram_user_id IS excluded.telegram_user_id
