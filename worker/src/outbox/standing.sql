-- ?1: a claim. How the destination's circuit stands, and when the first of what is pending besides is due.
SELECT circuits.failures, circuits.open_ms, (
  SELECT due_ms FROM sends
  WHERE website_id = ?1 ->> 'websiteId' AND destination = ?1 ->> 'destination' AND state = 'pending' AND claim IS NOT ?1 ->> 'claim'
  ORDER BY due_ms LIMIT 1
) AS due_ms
FROM (SELECT 1) LEFT JOIN circuits ON website_id = ?1 ->> 'websiteId' AND destination = ?1 ->> 'destination'
