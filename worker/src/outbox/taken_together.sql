-- ?1: a request. The sends that went in it and await what it came to.
SELECT conversion_id, event_type, custom_event_name
FROM sends JOIN conversions USING (conversion_id)
WHERE state = 'sent' AND code = 'TAKEN' AND due_ms = ?1 ->> 'dueMs'
  AND (sends.website_id, destination, request_id) = (?1 ->> 'websiteId', ?1 ->> 'destination', ?1 ->> 'requestId')
