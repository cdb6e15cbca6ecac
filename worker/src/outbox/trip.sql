-- ?1: what came of a claim. The destination does not take what it is sent.
INSERT INTO circuits (website_id, destination, failures, open_ms, code, words)
SELECT
  ?1 ->> 'websiteId', ?1 ->> 'destination', ?1 ->> '$.circuit.failures', ?1 ->> '$.circuit.openMs', ?1 ->> '$.circuit.code',
  ?1 ->> '$.circuit.words'
WHERE true
ON CONFLICT (website_id, destination) DO UPDATE SET
  failures = excluded.failures, open_ms = excluded.open_ms, code = excluded.code, words = excluded.words
