-- ?1: a visitor and a site. Who joined last by one of the visitor's clicks, and where.
SELECT conversions.telegram_user_id, conversions.channel_id
FROM clicks JOIN conversions USING (click_id)
WHERE clicks.temp_id = ?1 ->> 'tempId' AND conversions.website_id = ?1 ->> 'websiteId'
ORDER BY conversions.source = 'tracker' DESC, conversions.event_ms DESC
LIMIT 1
