-- A click is the first one's who joins by it. One who is a click's already stays with that of the earlier join.
INSERT INTO members (chat_id, telegram_user_id, status, changed_ms, changed_by, first_joined_ms, joins, click_id)
SELECT
  ?1 ->> 'chatId', ?1 ->> 'telegramUserId', ?1 ->> 'status', ?1 ->> 'changedMs', ?1 ->> 'updateId',
  CASE WHEN ?1 ->> 'joined' THEN ?1 ->> 'changedMs' END, ?1 ->> 'joined',
  (
    SELECT click_id FROM link WHERE ?1 ->> 'joined' AND NOT EXISTS (
      SELECT 1 FROM members AS other
      WHERE other.click_id = link.click_id AND (chat_id, telegram_user_id) <> (?1 ->> 'chatId', ?1 ->> 'telegramUserId')
    )
  )
WHERE NOT EXISTS (SELECT 1 FROM telegram_updates WHERE bot = ?1 ->> 'bot' AND update_id = ?1 ->> 'updateId')
ON CONFLICT (chat_id, telegram_user_id) DO UPDATE SET
  status = CASE
    WHEN (excluded.changed_ms, excluded.changed_by) > (members.changed_ms, members.changed_by) THEN excluded.status
    ELSE members.status END,
  changed_by = CASE
    WHEN (excluded.changed_ms, excluded.changed_by) > (members.changed_ms, members.changed_by) THEN excluded.changed_by
    ELSE members.changed_by END,
  changed_ms = max(members.changed_ms, excluded.changed_ms),
  first_joined_ms = coalesce(min(members.first_joined_ms, excluded.first_joined_ms), members.first_joined_ms, excluded.first_joined_ms),
  joins = members.joins + excluded.joins,
  click_id = CASE
    WHEN members.click_id IS NULL THEN excluded.click_id
    WHEN excluded.changed_ms < (SELECT event_ms FROM conversions WHERE conversion_id = ?1 ->> 'conversionId')
      THEN coalesce(excluded.click_id, members.click_id)
    ELSE members.click_id END
