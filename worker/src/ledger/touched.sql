-- ?1: visits (`visitId`, `tempId`, `atMs`) and clicks (`clickId`). Those clicks, and those that may be of those visits.
WITH
touched AS (
  SELECT click_id FROM clicks WHERE click_id IN (SELECT value FROM json_each(?1, '$.clicks'))
  UNION
  SELECT clicks.click_id
  FROM json_each(?1, '$.visits') AS visit JOIN clicks ON clicks.temp_id = visit.value ->> 'tempId'
  WHERE clicks.visit_id = visit.value ->> 'visitId' OR clicks.at_ms >= visit.value ->> 'atMs'
)
