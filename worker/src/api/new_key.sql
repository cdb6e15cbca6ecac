-- ?1: a key. It gives a row where the key stands, and none where as many are active as may be: 5 of a site, and 5 of the
-- account.
INSERT INTO api_keys (prefix, secret_sha256, name, website_id, created_ms)
SELECT ?1 ->> 'prefix', ?1 ->> 'secretSha256', ?1 ->> 'name', ?1 ->> 'websiteId', ?1 ->> 'nowMs'
WHERE EXISTS (SELECT 1 FROM api_keys WHERE prefix = ?1 ->> 'prefix')
  OR (SELECT count(*) FROM api_keys WHERE revoked_ms IS NULL AND website_id IS ?1 ->> 'websiteId') < 5
-- The same call once more.
ON CONFLICT (prefix) DO UPDATE SET name = api_keys.name WHERE api_keys.secret_sha256 = excluded.secret_sha256
RETURNING prefix, name, website_id, created_ms, last_used_ms, revoked_ms
