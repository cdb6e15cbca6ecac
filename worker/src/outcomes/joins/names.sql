-- ?1: a link's name, the click that it was made for, and whom it led where. The latest time counts. Told after the person was erased, it is not noted.
INSERT INTO invite_names (name, click_id, chat_id, telegram_user_id, at_ms)
SELECT ?1 ->> 'name', ?1 ->> 'click', ?1 ->> 'chatId', ?1 ->> 'telegramUserId', ?1 ->> 'atMs'
WHERE NOT EXISTS (
  SELECT 1 FROM erased
  WHERE id IN (?1 ->> 'click', ?1 ->> 'name') AND website_id IN ('', coalesce(?1 ->> 'websiteId', '')) AND erased_ms >= ?1 ->> 'atMs'
)
ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms WHERE telegram_user_id IS excluded.telegram_user_id
