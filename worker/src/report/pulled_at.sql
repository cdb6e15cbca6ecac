-- ?1: a pull. That of a month is one of the last days, too.
INSERT INTO pulls (kind, at_ms)
SELECT value, ?1 ->> 'nowMs'
FROM json_each(iif(?1 ->> 'isMonth', '["recent", "month"]', '["recent"]'))
WHERE true
ON CONFLICT (kind) DO UPDATE SET at_ms = excluded.at_ms
