SELECT
  'conversion' AS kind, conversions.rowid || ' 0' AS key, event_ms AS at_ms, conversions.website_id, event_type AS name, value_minor, currency,
  json_patch('{}', json_object(
    'conversionId', conversions.conversion_id, 'telegramUserId', telegram_user_id, 'eventType', event_type, 'customEventName', custom_event_name,
    'contentName', content_name, 'channelId', channel_id, 'toldBy', source, 'toldAt', attributed_ms, 'coldLead', json(iif(cold, 'true', 'false')),
    'clickId', click_id, 'attribution', json((SELECT attribution FROM trails WHERE trails.conversion_id = conversions.conversion_id))
  )) AS detail
FROM conversions
