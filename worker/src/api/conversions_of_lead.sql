-- ?1: a lead, as far as a key may see it. Its conversions, the latest first, each with what is known of where it comes from and
-- what became of its sends.
SELECT
  conversions.conversion_id, channel_id, event_type, attributed_ms, value_minor, currency, source, attribution,
  (
    SELECT CASE
      WHEN awaits_value OR sum(state = 'pending') THEN 'pending'
      WHEN sum(state = 'sent') THEN 'sent'
      WHEN sum(state IN ('rejected', 'dead')) THEN 'failed'
      ELSE 'skipped'
    END
    FROM sends WHERE sends.conversion_id = conversions.conversion_id
  ) AS capi_status,
  (
    SELECT json_group_array(json_object('sendId', conversion_id || '_' || destination, 'platform', platform, 'state', state))
    FROM sends WHERE sends.conversion_id = conversions.conversion_id
  ) AS sends
FROM conversions JOIN trails USING (conversion_id)
WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR conversions.website_id = ?1 ->> 'websiteId')
ORDER BY attributed_ms DESC, conversions.conversion_id
LIMIT 1000
