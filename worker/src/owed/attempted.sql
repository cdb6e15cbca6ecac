-- ?1: what came of an attempt to deliver an owed conversion. What was told of one that is refused stays, for whoever looks why.
UPDATE owed_conversions SET
  status      = ?1 ->> 'status',
  adtarget_id = ?1 ->> 'adtargetId',
  reason      = ?1 ->> 'reason',
  tried_ms    = ?1 ->> 'nowMs',
  body        = CASE WHEN ?1 ->> 'status' = 'delivered' THEN '' ELSE body END
WHERE conversion_id = ?1 ->> 'conversionId' AND status = 'owed' AND refusals = ?1 ->> 'refusals'
