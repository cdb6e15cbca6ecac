-- ?1: a lead, as far as a key may see it. Its conversions, the latest first, each with what its click and visit carried, or
-- what the caller said of a cold lead's click. json_patch leaves out what is null.
SELECT
  conversions.conversion_id, channel_id, event_type, capi_status, attributed_ms, value_minor, currency, source,
  json_patch(
    json_patch(json_remove(overrides, '$.clientIp', '$.userAgent'), coalesce(click_attribution, '{}')),
    json_patch('{}', json_object(
      'clickId', conversions.click_id, 'visitId', visit_id, 'tempId', attributions.temp_id,
      'landingPage', landing_page, 'referrer', referrer, 'fbc', fbc, 'fbp', fbp, 'fbclid', fbclid, 'ttclid', ttclid, 'ttp', ttp,
      'gclid', gclid, 'gbraid', gbraid, 'wbraid', wbraid, 'sccid', sccid, 'scid', scid, 'tgclid', tgclid,
      'utmSource', utm_source, 'utmMedium', utm_medium, 'utmCampaign', utm_campaign, 'utmContent', utm_content, 'utmTerm', utm_term
    ))
  ) AS attribution
FROM conversions JOIN attributions USING (conversion_id)
WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR conversions.website_id = ?1 ->> 'websiteId')
ORDER BY attributed_ms DESC, conversions.conversion_id
LIMIT 1000
