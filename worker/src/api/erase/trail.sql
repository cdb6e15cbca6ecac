-- Behind `own`. A person's browsers and clicks: all that is known of them, and what the queue still holds. A click that the queue itself holds says
-- its browser when it comes.
INSERT OR REPLACE INTO erased (id, website_id, erased_ms)
SELECT id, coalesce(?1 ->> 'websiteId', ''), ?1 ->> 'nowMs'
FROM (
  SELECT click_id AS id FROM own WHERE click_id IS NOT NULL
  UNION
  SELECT temp_id FROM browsers
  UNION
  SELECT click_id FROM clicks WHERE temp_id IN (SELECT temp_id FROM browsers) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
)
