-- Behind `standing`, of visits. A visit told twice (by the edge and by the page, or again) is one row: what the first
-- telling lacked is filled in, what it said stands, and nobody else's visit can be filled.
INSERT INTO visits (
  visit_id, at_ms, website_id, temp_id, client_session_id, external_user_id, captured_by, href,
  landing_page, referrer, fbc, fbp, fbclid, ttclid, ttp, gclid, gbraid, wbraid, sccid, scid, ga, tgclid,
  utm_source, utm_medium, utm_campaign, utm_content, utm_term,
  ip, user_agent, country, region, city, bot, sourced, ad_platform, consent, consent_ms, extra
)
SELECT
  value ->> 'visitId', value ->> 'atMs', value ->> 'websiteId', value ->> 'tempId', value ->> 'clientSessionId',
  value ->> 'externalUserId', value ->> 'capturedBy', value ->> 'href',
  value ->> '$.attribution.landingPage', value ->> '$.attribution.referrer', value ->> '$.attribution.fbc',
  -- An _fbp that overtook its visit waits with the visitor.
  coalesce(value ->> '$.attribution.fbp', (SELECT fbp FROM visitors WHERE temp_id = value ->> 'tempId')),
  value ->> '$.attribution.fbclid', value ->> '$.attribution.ttclid', value ->> '$.attribution.ttp',
  value ->> '$.attribution.gclid', value ->> '$.attribution.gbraid', value ->> '$.attribution.wbraid',
  value ->> '$.attribution.sccid', value ->> '$.attribution.scid', value ->> '$.attribution.ga', value ->> '$.attribution.tgclid',
  value ->> '$.attribution.utmSource', value ->> '$.attribution.utmMedium', value ->> '$.attribution.utmCampaign',
  value ->> '$.attribution.utmContent', value ->> '$.attribution.utmTerm',
  value ->> '$.client.ip', value ->> '$.client.userAgent', value ->> '$.client.country', value ->> '$.client.region',
  value ->> '$.client.city', value ->> '$.client.bot', value ->> 'sourced',
  value ->> 'adPlatform', value ->> 'consent', iif(value ->> 'consent' IS NULL, NULL, value ->> 'atMs'), value -> 'extra'
FROM standing
WHERE true
ON CONFLICT (visit_id) DO UPDATE SET
  external_user_id = coalesce(visits.external_user_id, excluded.external_user_id),
  fbc              = coalesce(visits.fbc, excluded.fbc),
  fbp              = coalesce(excluded.fbp, visits.fbp),
  fbclid           = coalesce(visits.fbclid, excluded.fbclid),
  ttclid           = coalesce(visits.ttclid, excluded.ttclid),
  ttp              = coalesce(visits.ttp, excluded.ttp),
  gclid            = coalesce(visits.gclid, excluded.gclid),
  gbraid           = coalesce(visits.gbraid, excluded.gbraid),
  wbraid           = coalesce(visits.wbraid, excluded.wbraid),
  sccid            = coalesce(visits.sccid, excluded.sccid),
  scid             = coalesce(visits.scid, excluded.scid),
  ga               = coalesce(visits.ga, excluded.ga),
  tgclid           = coalesce(visits.tgclid, excluded.tgclid),
  utm_source       = coalesce(visits.utm_source, excluded.utm_source),
  utm_medium       = coalesce(visits.utm_medium, excluded.utm_medium),
  utm_campaign     = coalesce(visits.utm_campaign, excluded.utm_campaign),
  utm_content      = coalesce(visits.utm_content, excluded.utm_content),
  utm_term         = coalesce(visits.utm_term, excluded.utm_term),
  extra            = iif(visits.extra = '{}', excluded.extra, visits.extra),
  sourced          = max(visits.sourced, excluded.sourced),
  ad_platform      = coalesce(nullif(visits.ad_platform, ''), excluded.ad_platform, visits.ad_platform),
  bot              = max(visits.bot, excluded.bot),
  -- What was said last, in whatever order it comes.
  consent          = iif(excluded.consent_ms >= coalesce(visits.consent_ms, 0), excluded.consent, visits.consent),
  consent_ms       = iif(excluded.consent_ms >= coalesce(visits.consent_ms, 0), excluded.consent_ms, visits.consent_ms)
WHERE visits.temp_id = excluded.temp_id
