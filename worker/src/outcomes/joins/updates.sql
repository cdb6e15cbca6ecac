-- ?1: an update that was taken.
INSERT INTO telegram_updates (bot, update_id, at_ms)
SELECT ?1 ->> 'bot', ?1 ->> 'updateId', ?1 ->> 'toldMs'
WHERE true
ON CONFLICT (bot, update_id) DO NOTHING
