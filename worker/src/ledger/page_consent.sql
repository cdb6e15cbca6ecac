-- ?1: what visits and clicks are forgotten (`before`, `limit`). What the visitor said of consent stays with the conversions.
UPDATE conversions SET page_consent = coalesce(
  (
    SELECT visits.consent FROM clicks JOIN visits USING (temp_id)
    WHERE clicks.click_id = conversions.click_id AND visits.consent IS NOT NULL
    ORDER BY visits.at_ms DESC LIMIT 1
  ),
  page_consent
)
WHERE click_id IN (
  SELECT click_id FROM clicks WHERE at_ms < ?1 ->> 'before' AND rowid IN (SELECT rowid FROM clicks ORDER BY rowid LIMIT ?1 ->> 'limit')
  UNION ALL
  SELECT click_id FROM clicks WHERE temp_id IN (
    SELECT temp_id FROM visits
    WHERE consent IS NOT NULL AND at_ms < ?1 ->> 'before' AND rowid IN (SELECT rowid FROM visits ORDER BY rowid LIMIT ?1 ->> 'limit')
  )
)
