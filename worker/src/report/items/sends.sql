SELECT
  'send' AS kind, sends.rowid || ' 0' AS key, changed_ms AS at_ms, sends.website_id, platform AS name,
  json_patch('{}', json_object(
    'sendId', conversion_id || '_' || destination, 'conversionId', conversion_id, 'platform', platform, 'destination', destination, 'state', state,
    'attempts', attempts, 'madeAt', made_ms, 'dueAt', iif(state = 'pending', due_ms, NULL), 'code', code, 'message', words, 'requestId', request_id
  )) AS detail
FROM sends
