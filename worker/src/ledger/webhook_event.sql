-- ?1: what came of an event. Converted is the end of it; else it may come again and do better. Its time is the first.
INSERT INTO webhook_events (source, event_id, at_ms, status, reason, conversion_id, temp_id, telegram_user_id, payload, person)
VALUES (
  ?1 ->> 'source', ?1 ->> 'eventId', ?1 ->> 'atMs', ?1 ->> 'status', ?1 ->> 'reason', ?1 ->> 'conversionId', ?1 ->> 'tempId',
  ?1 ->> 'telegramUserId', ?1 ->> 'payload', ?1 ->> 'person'
)
ON CONFLICT (source, event_id) DO UPDATE SET
  status           = excluded.status,
  reason           = excluded.reason,
  conversion_id    = excluded.conversion_id,
  temp_id          = excluded.temp_id,
  telegram_user_id = excluded.telegram_user_id,
  payload          = excluded.payload,
  person           = excluded.person
WHERE webhook_events.status <> 'converted'
