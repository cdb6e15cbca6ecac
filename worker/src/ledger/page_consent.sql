, told AS (
  SELECT click_id, (
    SELECT consent FROM visits
    WHERE visits.temp_id = theirs.temp_id AND visits.consent IS NOT NULL
    ORDER BY coalesce(consent_ms, at_ms) DESC LIMIT 1
  ) AS consent
  FROM theirs
)
-- Behind `theirs`, clicks and their browsers, when the clicks or what the browsers saw are forgotten. What they said of consent stays with the conversions.
UPDATE conversions SET page_consent = told.consent
FROM told
WHERE conversions.click_id = told.click_id AND told.consent IS NOT NULL AND page_consent IS NOT told.consent
