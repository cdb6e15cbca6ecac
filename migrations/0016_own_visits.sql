-- A visit that a server told, with a key, may lack address and browser: then they are the click's. And of a visitor who was on several sites, a
-- click that names no visit is of the latest of its own site, where there is one.
DROP VIEW click_origins;
DROP VIEW trails;
DROP VIEW attributions;

-- Where a conversion comes from: its click, and the visit the click came from or, where the page did not say, the visitor's
-- latest before it. Asked when it is wanted, so it matters not which came in first.
CREATE VIEW attributions AS
SELECT
  conversions.conversion_id, clicks.click_id, clicks.temp_id, clicks.client_session_id, clicks.attribution AS click_attribution,
  clicks.ip AS click_ip, clicks.user_agent AS click_user_agent, visits.*
FROM conversions
LEFT JOIN clicks ON clicks.click_id = conversions.click_id
LEFT JOIN visits ON visits.visit_id = coalesce(
  (SELECT visit_id FROM visits AS named WHERE named.visit_id = clicks.visit_id),
  (
    SELECT visit_id FROM visits AS own
    WHERE own.temp_id = clicks.temp_id AND own.at_ms <= clicks.at_ms AND own.website_id = clicks.website_id
    ORDER BY at_ms DESC LIMIT 1
  ),
  (SELECT visit_id FROM visits AS latest WHERE latest.temp_id = clicks.temp_id AND latest.at_ms <= clicks.at_ms ORDER BY at_ms DESC LIMIT 1)
);

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
  coalesce(conversions.consent, attributions.consent) AS consent,
  -- Whether the click or its visit has yet to come: both go through the queue.
  conversions.click_id IS NOT NULL AND (clicks.click_id IS NULL OR (clicks.visit_id IS NOT NULL AND clicks.visit_id IS NOT attributions.visit_id)) AS is_late
FROM conversions JOIN attributions USING (conversion_id) LEFT JOIN clicks ON clicks.click_id = conversions.click_id;

-- The same of a click: by the visit it came from or, where the page did not say, the visitor's latest before it.
CREATE VIEW click_origins AS
SELECT
  clicks.click_id, clicks.temp_id, clicks.visit_id, clicks.at_ms, clicks.at_ms / 86400000 AS day, clicks.website_id, coalesce(clicks.channel, '') AS channel,
  coalesce(visit_origins.bot, 0) AS bot, coalesce(source, '') AS source, coalesce(campaign, '') AS campaign, coalesce(ad, '') AS ad
FROM clicks LEFT JOIN visit_origins ON visit_origins.visit_id = coalesce(
  (SELECT visit_id FROM visits AS named WHERE named.visit_id = clicks.visit_id),
  (
    SELECT visit_id FROM visits AS own
    WHERE own.temp_id = clicks.temp_id AND own.at_ms <= clicks.at_ms AND own.website_id = clicks.website_id
    ORDER BY at_ms DESC LIMIT 1
  ),
  (SELECT visit_id FROM visits AS latest WHERE latest.temp_id = clicks.temp_id AND latest.at_ms <= clicks.at_ms ORDER BY at_ms DESC LIMIT 1)
);
