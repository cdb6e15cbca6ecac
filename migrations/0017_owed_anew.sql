-- AdTarget answers an Idempotency-Key the same for 24 hours, a refusal, too: what it refused is owed anew under another key.
ALTER TABLE owed_conversions ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0; -- how often AdTarget refused it before it was owed anew
