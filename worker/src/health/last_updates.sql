-- ?1: bots. When the last update of each came: Telegram counts them up, and none is older than seven days.
SELECT
  value AS bot,
  (SELECT at_ms FROM telegram_updates WHERE telegram_updates.bot = json_each.value ORDER BY update_id DESC LIMIT 1) AS at_ms
FROM json_each(?1)
