-- Consent is the visitor's latest word, and stays with the conversions of a visit that is forgotten; and what is forgotten is not waited for.

-- When the page said so, which may be long after the visit; NULL: nothing was said, or it was before this was written down.
ALTER TABLE visits ADD COLUMN consent_ms INTEGER;

-- What the visitor's pages said last, when the visits were forgotten; NULL: nothing, or they are there still.
ALTER TABLE conversions ADD COLUMN page_consent TEXT CHECK (page_consent IN ('granted', 'denied'));

DROP VIEW trails;

-- All that is known of where a conversion comes from: what the visit carried, else the click, else what the teller said.
-- json_patch leaves out what is null.
CREATE VIEW trails AS
SELECT
  conversions.conversion_id,
  json_patch(
    json_patch(json_remove(conversions.overrides, '$.clientIp', '$.userAgent'), coalesce(click_attribution, '{}')),
    -- In two, since D1 documents 32 arguments as the most a function takes.
    json_patch(
      json_patch('{}', json_object(
        'clickId', conversions.click_id, 'visitId', attributions.visit_id, 'tempId', attributions.temp_id,
        'landingPage', landing_page, 'referrer', referrer, 'fbc', fbc, 'fbp', fbp, 'fbclid', fbclid, 'ttclid', ttclid, 'ttp', ttp
      )),
      json_object(
        'gclid', gclid, 'gbraid', gbraid, 'wbraid', wbraid, 'sccid', sccid, 'scid', scid, 'ga', ga, 'tgclid', tgclid,
        'utmSource', utm_source, 'utmMedium', utm_medium, 'utmCampaign', utm_campaign, 'utmContent', utm_content, 'utmTerm', utm_term
      )
    )
  ) AS attribution,
  coalesce(nullif(attributions.ip, ''), nullif(click_ip, ''), conversions.overrides ->> 'clientIp') AS client_ip,
  coalesce(nullif(attributions.user_agent, ''), nullif(click_user_agent, ''), conversions.overrides ->> 'userAgent') AS client_user_agent,
  -- Of the visit's address, and of no other.
  iif(attributions.ip = '', NULL, attributions.country) AS client_country,
  coalesce(href, conversions.overrides ->> 'eventSourceUrl') AS page_url,
  referrer AS page_referrer,
  -- What the teller says, else the visitor's own latest word, on whatever visit: who takes a consent back has taken it back.
  coalesce(
    conversions.consent,
    (
      SELECT consent FROM visits AS latest
      -- Whose click is forgotten is known by their browser.
      WHERE latest.consent IS NOT NULL AND latest.temp_id = coalesce(
        clicks.temp_id,
        (SELECT joined_by FROM conversions AS joined WHERE joined.click_id = conversions.click_id AND joined.joined_by IS NOT NULL LIMIT 1)
      )
      ORDER BY coalesce(consent_ms, at_ms) DESC LIMIT 1
    ),
    attributions.consent,
    conversions.page_consent
  ) AS consent,
  -- Whether the click or its visit has yet to come: both go through the queue. What is forgotten comes no more.
  conversions.click_id IS NOT NULL AND CASE
    WHEN clicks.click_id IS NULL THEN NOT EXISTS (
      SELECT 1 FROM conversions AS earlier
      WHERE earlier.click_id = conversions.click_id AND earlier.attributed_ms < conversions.attributed_ms - 86400000
    )
    ELSE clicks.visit_id IS NOT NULL AND clicks.visit_id IS NOT attributions.visit_id AND clicks.at_ms > conversions.attributed_ms - 86400000
  END AS is_late
FROM conversions JOIN attributions USING (conversion_id) LEFT JOIN clicks ON clicks.click_id = conversions.click_id;
