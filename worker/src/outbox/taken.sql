-- ?1: the time. Requests of which their platform is to be asked what became of them, those due for longest first.
SELECT due_ms, website_id, destination, request_id, min(changed_ms) AS sent_ms
FROM sends
WHERE state = 'sent' AND code = 'TAKEN' AND due_ms <= ?1 ->> '$'
GROUP BY due_ms, website_id, destination, request_id
ORDER BY due_ms
LIMIT 60
