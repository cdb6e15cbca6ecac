-- ?1: a JSON array of records. Those that stand: what was made before its person was erased is written no more.
WITH standing AS (
  SELECT value
  FROM json_each(?1)
  WHERE NOT EXISTS (
    SELECT 1 FROM erased WHERE id = value ->> 'tempId' AND website_id IN ('', value ->> 'websiteId') AND erased_ms >= value ->> 'atMs'
  )
)
