-- ?1: a join, when `members` has it, which knows whose it is: who comes back by no link is still of the site that brought them. Who was brought by a
-- click once is organic no more.
INSERT INTO leads (website_id, telegram_user_id, first_seen_ms, last_seen_ms, organic)
SELECT coalesce(nullif(website_id, ''), ?1 ->> 'websiteId'), telegram_user_id, ?1 ->> 'changedMs', ?1 ->> 'changedMs', click_id IS NULL
FROM members
WHERE chat_id = ?1 ->> 'chatId' AND telegram_user_id = ?1 ->> 'telegramUserId'
ON CONFLICT (telegram_user_id, website_id) DO UPDATE SET
  first_seen_ms = min(leads.first_seen_ms, excluded.first_seen_ms),
  last_seen_ms  = max(leads.last_seen_ms, excluded.last_seen_ms),
  organic       = min(leads.organic, excluded.organic)
