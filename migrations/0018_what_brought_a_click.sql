-- What brought a click: the visit it came from, or where nothing brought that, as of a site's second page, the latest that something did; of one that
-- names no visit, as an ad's that leads right to an invite, what it carries itself.

-- The clicks that stand are counted anew, by the views below.
INSERT INTO traffic
SELECT day, website_id, source, campaign, ad, channel, 0, -count(*) FROM click_origins WHERE NOT bot GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT DO UPDATE SET clicks = traffic.clicks + excluded.clicks;

DROP VIEW click_origins;
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
    carried.source || carried.campaign || carried.ad <> '' AND (clicks.visit_id IS NULL OR brought.visit_id IS NULL) AS is_carried
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

-- Where a conversion comes from: its click, and the visit the click came from or, where the page did not say, the visitor's latest before it, unless
-- that was brought by something else than the click was. Asked when it is wanted, so it matters not which came in first.
CREATE VIEW attributions AS
SELECT
  conversions.conversion_id, clicks.click_id, clicks.temp_id, clicks.client_session_id, clicks.attribution AS click_attribution,
  clicks.ip AS click_ip, clicks.user_agent AS click_user_agent, visits.*
FROM conversions
LEFT JOIN clicks ON clicks.click_id = conversions.click_id
LEFT JOIN carried_origins AS carried ON carried.click_id = clicks.click_id
LEFT JOIN visits ON visits.visit_id = coalesce(
  (SELECT visit_id FROM visits AS named WHERE named.visit_id = clicks.visit_id),
  (
    SELECT visit_id FROM visits AS own
    WHERE own.temp_id = clicks.temp_id AND own.at_ms <= clicks.at_ms AND own.website_id = clicks.website_id
    ORDER BY at_ms DESC LIMIT 1
  ),
  (SELECT visit_id FROM visits AS latest WHERE latest.temp_id = clicks.temp_id AND latest.at_ms <= clicks.at_ms ORDER BY at_ms DESC LIMIT 1)
) AND (
  visits.visit_id IS clicks.visit_id
  OR carried.source || carried.campaign || carried.ad = ''
  OR (
    coalesce(visits.tgclid = clicks.attribution ->> 'tgclid', visits.tgclid IS NULL)
    AND coalesce(visits.ttclid = clicks.attribution ->> 'ttclid', visits.ttclid IS NULL)
    AND coalesce(visits.sccid = clicks.attribution ->> 'sccid', visits.sccid IS NULL)
    AND coalesce(visits.gclid = clicks.attribution ->> 'gclid', visits.gclid IS NULL)
    AND coalesce(visits.gbraid = clicks.attribution ->> 'gbraid', visits.gbraid IS NULL)
    AND coalesce(visits.wbraid = clicks.attribution ->> 'wbraid', visits.wbraid IS NULL)
    AND coalesce(visits.fbclid = clicks.attribution ->> 'fbclid', visits.fbclid IS NULL)
    AND coalesce(visits.utm_source = clicks.attribution ->> 'utmSource', visits.utm_source IS NULL)
    AND coalesce(visits.utm_campaign = clicks.attribution ->> 'utmCampaign', visits.utm_campaign IS NULL)
    AND coalesce(visits.utm_content = clicks.attribution ->> 'utmContent', visits.utm_content IS NULL)
  )
);
