-- ?1: an update that may bear an invite link. The click that the link was made for: by its name, which stands for another
-- click or is a click's id, else by the whole link. A join whose link says nothing is of the click that led the person to
-- the bot or had them ask to join, within the last 7 days: Telegram leaves the link out of most joins of public chats.
WITH way AS (
  SELECT name, click_id
  FROM invite_names
  WHERE ?1 ->> 'joined' AND telegram_user_id = ?1 ->> 'telegramUserId' AND chat_id = ?1 ->> 'chatId' AND at_ms > ?1 ->> 'changedMs' - 604800000
  ORDER BY at_ms DESC
  LIMIT 1
),
link AS (
  SELECT coalesce(
    (SELECT click_id FROM invite_names WHERE name = ?1 ->> '$.link.name'),
    ?1 ->> '$.link.click',
    (SELECT click_id FROM clicks WHERE personal AND invite_link = ?1 ->> '$.link.url' ORDER BY at_ms LIMIT 1),
    (SELECT click_id FROM way)
  ) AS click_id
)
