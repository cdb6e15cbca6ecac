-- ?1: a conversion told. `met` is the conversion that it is, if it stands already: by its id, or as the same Purchase told
-- by another. `origin` is the earlier conversion that it goes back to.
WITH
told AS (
  SELECT
    ?1 ->> 'conversionId' AS conversion_id, ?1 ->> 'telegramUserId' AS telegram_user_id, ?1 ->> 'websiteId' AS website_id,
    ?1 ->> 'channelId' AS channel_id, ?1 ->> 'eventType' AS event_type, ?1 ->> 'valueMinor' AS value_minor,
    ?1 ->> 'currency' AS currency, ?1 ->> 'eventMs' AS event_ms
),
earlier AS (
  -- An address or a User-Agent alone is no click. Of one that is forgotten, and not on its way still, no more is left than where it came from.
  SELECT
    conversions.*,
    coalesce(click_id, overrides ->> 'fbc', overrides ->> 'gclid', overrides ->> 'ttclid', overrides ->> 'sccid') IS NOT NULL AS has_click,
    coalesce(
      (SELECT click_id FROM clicks WHERE clicks.click_id = conversions.click_id), iif(attributed_ms > ?1 ->> 'toldMs' - 86400000, click_id, NULL),
      overrides ->> 'fbc', overrides ->> 'gclid', overrides ->> 'ttclid', overrides ->> 'sccid'
    ) IS NULL AS is_open
  FROM conversions JOIN told USING (telegram_user_id, website_id, channel_id)
),
met AS (
  SELECT earlier.conversion_id
  FROM earlier, told
  WHERE earlier.conversion_id = told.conversion_id
    OR (
      told.event_type = 'Purchase' AND earlier.event_type = 'Purchase'
      AND abs(earlier.event_ms - told.event_ms) < ?1 ->> 'purchaseWindowMs'
      AND (
        earlier.awaits_value OR (earlier.value_minor IS told.value_minor AND earlier.currency IS told.currency)
        -- One told without its value is the one that came with it, but for one that was told without it, too: that is another sale.
        OR (?1 ->> 'awaitsValue' AND coalesce(earlier.awaited_by, told.conversion_id) = told.conversion_id)
      )
    )
  ORDER BY
    earlier.conversion_id = told.conversion_id DESC, earlier.awaited_by IS told.conversion_id DESC,
    earlier.awaits_value, abs(earlier.event_ms - told.event_ms)
  LIMIT 1
),
origin AS (
  SELECT click_id, page_consent, overrides, origin_source, origin_campaign, origin_ad, has_click, is_open
  FROM earlier
  ORDER BY has_click DESC, overrides <> '{}' DESC, attributed_ms DESC
  LIMIT 1
),
known AS (SELECT * FROM origin WHERE has_click)
INSERT INTO conversions (
  conversion_id, website_id, channel_id, telegram_user_id, event_type, custom_event_name, value_minor, currency, content_name,
  external_user_id, event_ms, attributed_ms, source, cold, awaits_value, awaited_by, consent, page_consent, click_id, overrides, person,
  origin_source, origin_campaign, origin_ad
)
SELECT
  coalesce((SELECT conversion_id FROM met), told.conversion_id), told.website_id, told.channel_id, told.telegram_user_id,
  told.event_type, ?1 ->> 'customEventName', told.value_minor, told.currency, ?1 ->> 'contentName',
  ?1 ->> 'externalUserId', told.event_ms, ?1 ->> 'toldMs', ?1 ->> 'source', NOT EXISTS (SELECT 1 FROM origin),
  ?1 ->> 'awaitsValue', iif(?1 ->> 'awaitsValue', told.conversion_id, NULL), ?1 ->> 'consent',
  (SELECT page_consent FROM origin), (SELECT click_id FROM origin),
  coalesce((SELECT overrides FROM known WHERE NOT is_open), json_patch(coalesce((SELECT overrides FROM origin), '{}'), ?1 -> 'overrides')), ?1 -> 'person',
  -- Where a caller told the click itself, its ids say the source.
  coalesce((SELECT origin_source FROM known), CASE
    WHEN ?1 ->> '$.overrides.ttclid' IS NOT NULL THEN 'tiktok'
    WHEN ?1 ->> '$.overrides.sccid' IS NOT NULL THEN 'snapchat'
    WHEN ?1 ->> '$.overrides.gclid' IS NOT NULL THEN 'google'
    WHEN ?1 ->> '$.overrides.fbc' IS NOT NULL THEN 'meta'
    ELSE ''
  END),
  coalesce((SELECT origin_campaign FROM known), ''), coalesce((SELECT origin_ad FROM known), '')
FROM told
WHERE true
ON CONFLICT (conversion_id) DO UPDATE SET
  value_minor      = coalesce(conversions.value_minor, excluded.value_minor),
  currency         = coalesce(conversions.currency, excluded.currency),
  content_name     = coalesce(conversions.content_name, excluded.content_name),
  external_user_id = coalesce(conversions.external_user_id, excluded.external_user_id),
  consent          = coalesce(excluded.consent, conversions.consent),
  awaits_value     = conversions.awaits_value AND excluded.awaits_value,
  awaited_by       = coalesce(conversions.awaited_by, excluded.awaited_by),
  valued_ms        = iif(conversions.awaits_value AND NOT excluded.awaits_value, excluded.attributed_ms, conversions.valued_ms),
  person           = json_patch(excluded.person, conversions.person),
  (origin_source, overrides) = (
    SELECT iif(has_click, conversions.origin_source, excluded.origin_source), json_patch(excluded.overrides, conversions.overrides)
    FROM earlier
    WHERE earlier.conversion_id = conversions.conversion_id AND is_open
    UNION ALL
    SELECT conversions.origin_source, conversions.overrides
    LIMIT 1
  )
WHERE conversions.telegram_user_id = excluded.telegram_user_id AND conversions.website_id = excluded.website_id
RETURNING conversion_id, cold, awaits_value, event_ms
