-- ?1: the time. What AdTarget has yet to take, and what it refused in the last seven days, with its latest word.
SELECT
  count(*) AS pending, min(at_ms) AS oldest_ms,
  (SELECT count(*) FROM owed_conversions WHERE status = 'refused' AND tried_ms > (?1 ->> '$') - 604800000) AS refused,
  (SELECT reason FROM owed_conversions WHERE status = 'refused' AND tried_ms > (?1 ->> '$') - 604800000 ORDER BY tried_ms DESC LIMIT 1) AS reason
FROM owed_conversions WHERE status = 'owed'
