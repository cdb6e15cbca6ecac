-- ?1: a call with its Idempotency-Key. It gives a row where the call may go ahead: the key is new, or older than 24 hours, or its earlier
-- attempts came to nothing: the latest, at this very request or at another that this one `takesOver`, failed or has been running for too long.
INSERT INTO idempotency (key_prefix, idempotency_key, request_sha256, at_ms, claimed_ms)
SELECT ?1 ->> 'keyPrefix', ?1 ->> 'idempotencyKey', ?1 ->> 'requestSha256', ?1 ->> 'nowMs', ?1 ->> 'nowMs'
WHERE true
ON CONFLICT (key_prefix, idempotency_key) DO UPDATE SET
  at_ms          = CASE WHEN at_ms <= excluded.at_ms - 86400000 THEN excluded.at_ms ELSE at_ms END,
  claimed_ms     = excluded.claimed_ms,
  request_sha256 = excluded.request_sha256,
  status         = NULL,
  body           = NULL
WHERE at_ms <= excluded.at_ms - 86400000
  OR (
    status IS NULL AND claimed_ms <= excluded.claimed_ms - ?1 ->> 'claimMs'
    AND (request_sha256 = excluded.request_sha256 OR ?1 ->> 'takesOver')
  )
RETURNING 1
