-- What brought a click: the visit it came from, or where nothing brought that, as of a site's second page, the latest that something did; where an ad
-- leads right to an invite, what the click carries itself.
ALTER TABLE clicks ADD COLUMN direct INTEGER NOT NULL DEFAULT 0; -- whether an ad led right to it: no visit is that ad's

-- The clicks that stand are counted anew, by the views below.
INSERT INTO traffic
SELECT day, website_id, source, campaign, ad, channel, 0, -count(*) FROM click_origins WHERE NOT bot GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT DO UPDATE SET clicks = traffic.clicks + excluded.clicks;

DROP VIEW click_origins;
DROP VIEW trails;
DROP VIEW attributions;

-- What a click carries itself, in the words of `visit_origins`; '' where it says nothing.
CREATE VIEW carried_origins AS
SELECT
  click_id,
  coalesce(lower(attribution ->> 'utmSource'), CASE
    WHEN attribution ->> 'tgclid' IS NOT NULL THEN 'telegram'
    WHEN attribution ->> 'ttclid' IS NOT NULL THEN 'tiktok'
    WHEN attribution ->> 'sccid' IS NOT NULL THEN 'snapchat'
    WHEN coalesce(attribution ->> 'gclid', attribution ->> 'gbraid', attribution ->> 'wbraid') IS NOT NULL THEN 'google'
    WHEN attribution ->> 'fbclid' IS NOT NULL THEN 'meta'
    ELSE ''
  END) AS source,
  coalesce(attribution ->> 'utmCampaign', '') AS campaign,
  coalesce(attribution ->> 'utmContent', CASE
    WHEN attribution ->> 'tgclid' IS NOT NULL
    THEN substr(attribution ->> 'landingPage', 1, instr(replace(attribution ->> 'landingPage', '#', '?') || '?', '?') - 1)
  END, '') AS ad
FROM clicks;

CREATE VIEW click_origins AS
SELECT
  click_id, temp_id, visit_id, at_ms, at_ms / 86400000 AS day, website_id, coalesce(channel, '') AS channel, bot,
  coalesce(iif(is_carried, carried_source, source), '') AS source,
  coalesce(iif(is_carried, carried_campaign, campaign), '') AS campaign,
  coalesce(iif(is_carried, carried_ad, ad), '') AS ad
FROM (
  SELECT
    clicks.click_id, clicks.temp_id, clicks.visit_id, clicks.at_ms, clicks.website_id, clicks.channel, coalesce(seen.bot, 0) AS bot,
    brought.source, brought.campaign, brought.ad,
    carried.source AS carried_source, carried.campaign AS carried_campaign, carried.ad AS carried_ad,
    clicks.direct OR (brought.visit_id IS NULL AND carried.source || carried.campaign || carried.ad <> '') AS is_carried
  FROM clicks
  JOIN carried_origins AS carried ON carried.click_id = clicks.click_id
  LEFT JOIN visits AS seen ON seen.visit_id = coalesce(
    (SELECT visit_id FROM visits AS named WHERE named.visit_id = clicks.visit_id),
    (
      SELECT visit_id FROM visits AS own
      WHERE own.temp_id = clicks.temp_id AND own.at_ms <= clicks.at_ms AND own.website_id = clicks.website_id
      ORDER BY at_ms DESC LIMIT 1
    ),
    (SELECT visit_id FROM visits AS latest WHERE latest.temp_id = clicks.temp_id AND latest.at_ms <= clicks.at_ms ORDER BY at_ms DESC LIMIT 1)
  )
  LEFT JOIN visit_origins AS brought ON brought.visit_id = coalesce(
    (SELECT visit_id FROM visits AS named WHERE named.visit_id = clicks.visit_id AND named.sourced),
    (
      SELECT visit_id FROM visits AS own
      WHERE own.temp_id = clicks.temp_id AND own.at_ms <= clicks.at_ms AND own.website_id = clicks.website_id AND own.sourced
      ORDER BY at_ms DESC LIMIT 1
    ),
    (
      SELECT visit_id FROM visits AS latest
      WHERE latest.temp_id = clicks.temp_id AND latest.at_ms <= clicks.at_ms AND latest.sourced
      ORDER BY at_ms DESC LIMIT 1
    )
  )
);

INSERT INTO traffic
SELECT day, website_id, source, campaign, ad, channel, 0, count(*) FROM click_origins WHERE NOT bot GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT DO UPDATE SET clicks = traffic.clicks + excluded.clicks;
DELETE FROM traffic WHERE visits = 0 AND clicks = 0;

UPDATE members SET origin_source = origin.source, origin_campaign = origin.campaign, origin_ad = origin.ad
FROM click_origins AS origin
WHERE members.click_id = origin.click_id AND (origin_source, origin_campaign, origin_ad) IS NOT (origin.source, origin.campaign, origin.ad);
UPDATE conversions SET origin_source = origin.source, origin_campaign = origin.campaign, origin_ad = origin.ad
FROM click_origins AS origin
WHERE conversions.click_id = origin.click_id AND (origin_source, origin_campaign, origin_ad) IS NOT (origin.source, origin.campaign, origin.ad);

-- Where a conversion comes from: its click, and the visit the click came from or, where the page did not say, the visitor's latest before it; none where
-- an ad led right to the click. Asked when it is wanted, so it matters not which came in first.
CREATE VIEW attributions AS
SELECT
  conversions.conversion_id, clicks.click_id, clicks.temp_id, clicks.client_session_id, clicks.attribution AS click_attribution,
  clicks.ip AS click_ip, clicks.user_agent AS click_user_agent, visits.*
FROM conversions
LEFT JOIN clicks ON clicks.click_id = conversions.click_id
LEFT JOIN visits ON NOT clicks.direct AND visits.visit_id = coalesce(
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
  -- Who has refused on a visit before has refused, whatever ad leads here.
  coalesce(conversions.consent, attributions.consent, iif(clicks.direct, (
    SELECT consent FROM visits AS latest WHERE latest.temp_id = clicks.temp_id AND latest.at_ms <= clicks.at_ms ORDER BY at_ms DESC LIMIT 1
  ), NULL)) AS consent,
  -- Whether the click or its visit has yet to come: both go through the queue.
  conversions.click_id IS NOT NULL AND (clicks.click_id IS NULL OR (clicks.visit_id IS NOT NULL AND clicks.visit_id IS NOT attributions.visit_id)) AS is_late
FROM conversions JOIN attributions USING (conversion_id) LEFT JOIN clicks ON clicks.click_id = conversions.click_id;
