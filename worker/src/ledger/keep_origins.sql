-- ?1: which visits are to be forgotten. Where the clicks came from that somebody joined by, or that a conversion is of.
INSERT INTO kept_origins (click_id, source, campaign, ad)
SELECT click_id, source, campaign, ad
FROM click_origins
WHERE temp_id IN (SELECT temp_id FROM visits WHERE at_ms < ?1 ->> 'before' AND rowid IN (
    SELECT rowid FROM visits ORDER BY rowid LIMIT ?1 ->> 'limit'))
  AND (
    EXISTS (SELECT 1 FROM conversions WHERE conversions.click_id = click_origins.click_id)
    OR EXISTS (SELECT 1 FROM members WHERE members.click_id = click_origins.click_id)
  )
ON CONFLICT DO NOTHING
