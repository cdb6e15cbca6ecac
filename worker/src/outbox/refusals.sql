-- ?1: the time. Destinations that refused in the last day what they were sent, or for which it was given up, and that refuse a kind of event,
-- whatever waits of it: how much, and why the latest.
WITH failed AS (
  SELECT website_id, destination, state, code, words, changed_ms FROM sends
  WHERE state IN ('rejected', 'dead') AND changed_ms > (?1 ->> '$') - 86400000
  UNION ALL
  -- Some of those that went together, and nobody knows which.
  SELECT website_id, destination, 'partly', code, words, changed_ms FROM sends
  WHERE state = 'sent' AND code = 'PARTLY_REFUSED' AND changed_ms > (?1 ->> '$') - 86400000
  UNION ALL
  SELECT website_id, destination, 'held', code, words, changed_ms FROM sends WHERE state = 'pending' AND code = 'KIND_REFUSED'
)
SELECT website_id, destination, state, count(*) AS count, code, words, max(changed_ms) AS last_ms
FROM failed
GROUP BY website_id, destination, state
ORDER BY website_id, destination, state
