-- Google Analytics' browser cookie, by which GA4 knows whose session a conversion belongs to.
ALTER TABLE visits ADD COLUMN ga TEXT;

DROP VIEW outbox;
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
  coalesce(attributions.ip, click_ip, conversions.overrides ->> 'clientIp') AS client_ip,
  coalesce(attributions.user_agent, click_user_agent, conversions.overrides ->> 'userAgent') AS client_user_agent,
  attributions.country AS client_country,
  coalesce(href, conversions.overrides ->> 'eventSourceUrl') AS page_url,
  referrer AS page_referrer,
  coalesce(conversions.consent, attributions.consent) AS consent,
  -- Whether the click or its visit has yet to come: both go through the queue.
  conversions.click_id IS NOT NULL AND (clicks.click_id IS NULL OR (clicks.visit_id IS NOT NULL AND clicks.visit_id IS NOT attributions.visit_id)) AS is_late
FROM conversions JOIN attributions USING (conversion_id) LEFT JOIN clicks ON clicks.click_id = conversions.click_id;

-- Sends with all that is known of their conversions.
CREATE VIEW outbox AS
SELECT
  sends.*,
  telegram_user_id, event_type, custom_event_name, value_minor, currency, content_name, event_ms, person,
  attribution, client_ip, client_user_agent, client_country, page_url, page_referrer, trails.consent, is_late
FROM sends JOIN conversions USING (conversion_id) JOIN trails USING (conversion_id);
