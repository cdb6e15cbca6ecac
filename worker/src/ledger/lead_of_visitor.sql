-- ?1: a visitor and a site. Who joined last by one of the visitor's clicks, which may be forgotten, and where.
SELECT telegram_user_id, channel_id
FROM conversions
WHERE website_id = ?1 ->> 'websiteId'
  AND (joined_by = ?1 ->> 'tempId' OR click_id IN (SELECT click_id FROM clicks WHERE clicks.temp_id = ?1 ->> 'tempId'))
ORDER BY source = 'tracker' DESC, event_ms DESC
LIMIT 1
