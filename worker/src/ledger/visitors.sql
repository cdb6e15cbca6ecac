-- Behind `standing`, of visits. What counts is the visits' own times, not the order they come in.
INSERT INTO visitors (temp_id, first_seen_ms, last_seen_ms, external_user_id, fbp, fbp_at_ms)
SELECT
  value ->> 'tempId', value ->> 'atMs', value ->> 'atMs', value ->> 'externalUserId', value ->> '$.attribution.fbp',
  CASE WHEN value ->> '$.attribution.fbp' IS NOT NULL THEN value ->> 'atMs' END
FROM standing
WHERE true
ON CONFLICT (temp_id) DO UPDATE SET
  external_user_id = CASE WHEN excluded.last_seen_ms >= visitors.last_seen_ms
    THEN coalesce(excluded.external_user_id, visitors.external_user_id)
    ELSE coalesce(visitors.external_user_id, excluded.external_user_id) END,
  fbp = CASE WHEN excluded.fbp IS NOT NULL AND excluded.fbp_at_ms >= coalesce(visitors.fbp_at_ms, 0)
    THEN excluded.fbp ELSE visitors.fbp END,
  fbp_at_ms = nullif(max(coalesce(visitors.fbp_at_ms, 0), coalesce(excluded.fbp_at_ms, 0)), 0),
  first_seen_ms = min(visitors.first_seen_ms, excluded.first_seen_ms),
  last_seen_ms = max(visitors.last_seen_ms, excluded.last_seen_ms)
