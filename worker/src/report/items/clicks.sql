SELECT
  'click' AS kind, clicks.rowid || ' 0' AS key, clicks.at_ms, clicks.website_id, clicks.channel AS name,
  json_patch('{}', json_object(
    'clickId', clicks.click_id, 'tempId', clicks.temp_id, 'channel', clicks.channel, 'mode', iif(personal, 'personal', 'shared'),
    'source', nullif(source, ''), 'campaign', nullif(campaign, ''), 'ad', nullif(ad, ''), 'attribution', json(nullif(attribution, '{}'))
  )) AS detail
FROM clicks JOIN click_origins USING (click_id)
