-- ?1: a call with its Idempotency-Key. What is known of it.
SELECT request_sha256, status, body, at_ms, claimed_ms
FROM idempotency
WHERE key_prefix = ?1 ->> 'keyPrefix' AND idempotency_key = ?1 ->> 'idempotencyKey'
