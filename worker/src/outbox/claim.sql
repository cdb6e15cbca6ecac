-- ?1: a claim on what is due for a destination. What is claimed is due again, for another, when the lease is over. Rows go
-- together that may be in requests of the same size; while the destination's circuit is open none goes, and after that one.
WITH
due AS (
  SELECT rowid AS id, due_ms, min(coalesce(batch_limit, ?1 ->> 'limit'), ?1 ->> 'limit') AS batch
  FROM sends
  WHERE website_id = ?1 ->> 'websiteId' AND destination = ?1 ->> 'destination' AND state = 'pending' AND due_ms <= ?1 ->> 'nowMs'
  ORDER BY due_ms
  LIMIT ?1 ->> 'limit'
),
first AS (SELECT batch FROM due ORDER BY due_ms LIMIT 1),
circuit AS (
  SELECT failures, open_ms FROM circuits WHERE website_id = ?1 ->> 'websiteId' AND destination = ?1 ->> 'destination'
)
UPDATE sends SET claim = ?1 ->> 'claim', due_ms = ?1 ->> 'leaseMs'
WHERE rowid IN (
  SELECT id FROM due
  WHERE batch = (SELECT batch FROM first)
  ORDER BY due_ms
  LIMIT CASE WHEN EXISTS (SELECT 1 FROM circuit WHERE failures >= ?1 ->> 'tripsAt') THEN 1 ELSE coalesce((SELECT batch FROM first), 0) END
)
AND NOT EXISTS (SELECT 1 FROM circuit WHERE open_ms > ?1 ->> 'nowMs')
