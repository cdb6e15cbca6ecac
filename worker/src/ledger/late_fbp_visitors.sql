-- Behind `standing`, of late browser ids. The visitor keeps it, in case the visit comes after it.
INSERT INTO visitors (temp_id, first_seen_ms, last_seen_ms, fbp, fbp_at_ms)
SELECT value ->> 'tempId', value ->> 'atMs', value ->> 'atMs', value ->> 'fbp', value ->> 'atMs'
FROM standing
WHERE true
ON CONFLICT (temp_id) DO UPDATE SET
  fbp = CASE WHEN excluded.fbp_at_ms >= coalesce(visitors.fbp_at_ms, 0) THEN excluded.fbp ELSE visitors.fbp END,
  fbp_at_ms = max(coalesce(visitors.fbp_at_ms, 0), excluded.fbp_at_ms),
  first_seen_ms = min(visitors.first_seen_ms, excluded.first_seen_ms),
  last_seen_ms = max(visitors.last_seen_ms, excluded.last_seen_ms)
