-- ?1: the time. Requests of which their platform is to be asked what became of them, those due for longest first, each with the kinds of event in it.
WITH due AS (
  SELECT DISTINCT due_ms, website_id, destination, request_id
  FROM sends
  WHERE state = 'sent' AND code = 'TAKEN' AND due_ms <= ?1 ->> '$'
  ORDER BY due_ms
  LIMIT 200
)
SELECT due.*, min(changed_ms) AS sent_ms, event_type, custom_event_name
FROM due
JOIN sends ON state = 'sent' AND code = 'TAKEN'
  AND (sends.due_ms, sends.website_id, sends.destination, sends.request_id) = (due.due_ms, due.website_id, due.destination, due.request_id)
JOIN conversions USING (conversion_id)
GROUP BY due.due_ms, due.website_id, due.destination, due.request_id, event_type, custom_event_name
ORDER BY due.due_ms, due.website_id, due.destination, due.request_id
