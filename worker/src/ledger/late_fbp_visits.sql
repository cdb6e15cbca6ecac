-- ?1: a JSON array of late browser ids. Each goes to the visitor's latest visit up to then, unless a later one went there.
UPDATE visits SET fbp = iif(
  visits.visit_id = (SELECT visit_id FROM visits WHERE temp_id = late.temp_id AND at_ms <= visitors.fbp_at_ms ORDER BY at_ms DESC LIMIT 1),
  visitors.fbp, late.fbp
)
FROM (SELECT value ->> 'tempId' AS temp_id, value ->> 'fbp' AS fbp, value ->> 'atMs' AS at_ms FROM json_each(?1)) AS late
JOIN visitors USING (temp_id)
WHERE visits.visit_id = (
  SELECT visit_id FROM visits WHERE temp_id = late.temp_id AND at_ms <= late.at_ms ORDER BY at_ms DESC LIMIT 1
)
