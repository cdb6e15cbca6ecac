SELECT
  (SELECT at_ms FROM pulls WHERE kind = 'recent') AS at_ms,
  (SELECT since_ms FROM pull_failure) AS since_ms,
  (SELECT why FROM pull_failure) AS why
WHERE ?1 IS NOT NULL
