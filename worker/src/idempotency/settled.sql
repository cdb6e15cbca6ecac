-- ?1: a call with its Idempotency-Key and its answer; no status: another attempt may begin at once.
UPDATE idempotency SET
  status     = ?1 ->> 'status',
  body       = ?1 ->> 'body',
  claimed_ms = CASE WHEN ?1 ->> 'status' IS NULL THEN 0 ELSE claimed_ms END
WHERE key_prefix = ?1 ->> 'keyPrefix' AND idempotency_key = ?1 ->> 'idempotencyKey' AND status IS NULL
  AND request_sha256 = ?1 ->> 'requestSha256'
