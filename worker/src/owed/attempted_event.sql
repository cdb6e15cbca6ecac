-- ?1: an owed conversion after an attempt. Once it is settled, so is the webhook event that told of it, if one did.
UPDATE webhook_events SET
  status  = iif(owed.status = 'refused', 'failed', 'converted'),
  reason  = 'AdTarget: ' || owed.reason,
  payload = iif(owed.status = 'refused', payload, NULL)
FROM owed_conversions AS owed
WHERE owed.conversion_id = ?1 ->> 'conversionId' AND owed.status <> 'owed' AND owed.refusals = ?1 ->> 'refusals' AND webhook_events.conversion_id = owed.conversion_id
