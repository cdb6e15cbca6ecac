SELECT
  'visit' AS kind, visits.rowid || ' 0' AS key, visits.at_ms, visits.website_id, nullif(source, '') AS name,
  json_patch('{}', json_object(
    'visitId', visits.visit_id, 'tempId', visits.temp_id, 'source', nullif(source, ''), 'medium', utm_medium, 'campaign', nullif(campaign, ''), 'ad', nullif(ad, ''),
    'landingPage', coalesce(landing_page, href), 'referrer', referrer, 'country', nullif(country, ''), 'capturedBy', captured_by,
    'bot', json(iif(visits.bot, 'true', 'null')),
    'attribution', json(nullif(json_patch('{}', json_object(
      'fbclid', fbclid, 'fbc', fbc, 'fbp', visits.fbp, 'ttclid', ttclid, 'ttp', ttp, 'gclid', gclid, 'gbraid', gbraid, 'wbraid', wbraid,
      'sccid', sccid, 'scid', scid, 'ga', ga, 'tgclid', tgclid
    )), '{}'))
  )) AS detail
FROM visits JOIN visit_origins USING (visit_id)
