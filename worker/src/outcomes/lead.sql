-- ?1: a conversion told. Its lead is seen from the event on, and last now.
INSERT INTO leads (website_id, telegram_user_id, first_seen_ms, last_seen_ms, external_user_id, organic)
SELECT
  ?1 ->> 'websiteId', ?1 ->> 'telegramUserId', min(?1 ->> 'eventMs', ?1 ->> 'toldMs'), ?1 ->> 'toldMs', ?1 ->> 'externalUserId',
  ?1 ->> 'organic'
WHERE true
ON CONFLICT (telegram_user_id, website_id) DO UPDATE SET
  first_seen_ms    = min(leads.first_seen_ms, excluded.first_seen_ms),
  last_seen_ms     = max(leads.last_seen_ms, excluded.last_seen_ms),
  external_user_id = coalesce(excluded.external_user_id, leads.external_user_id),
  organic          = min(leads.organic, excluded.organic)
