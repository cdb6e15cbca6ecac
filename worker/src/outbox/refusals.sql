-- ?1: the time. Destinations that refused in the last day what they were sent, or for which it was given up: how much, and why the latest.
SELECT website_id, destination, state, count(*) AS count, code, words, max(changed_ms) AS last_ms
FROM sends
WHERE state IN ('rejected', 'dead') AND changed_ms > (?1 ->> '$') - 86400000
GROUP BY website_id, destination, state
ORDER BY website_id, destination, state
