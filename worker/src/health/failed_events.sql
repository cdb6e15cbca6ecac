-- ?1: the time. Webhook events of the last day that make no conversion as they are, by source, and why the latest. Those that wait for a visitor to
-- join are not among them.
SELECT source, count(*) AS count, reason, max(at_ms) AS last_ms
FROM webhook_events
WHERE at_ms > (?1 ->> '$') - 86400000 AND status = 'failed' AND temp_id IS NULL
-- By age, not through the primary key: that would read all that is kept.
GROUP BY +source
ORDER BY source
