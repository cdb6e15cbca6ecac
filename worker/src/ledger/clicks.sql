-- Behind `standing`, of clicks. A click told twice is one row.
INSERT INTO clicks (
  click_id, at_ms, website_id, temp_id, client_session_id, visit_id, channel, invite_link, personal, attribution, direct, ip, user_agent
)
SELECT
  value ->> 'clickId', value ->> 'atMs', value ->> 'websiteId', value ->> 'tempId', value ->> 'clientSessionId',
  value ->> 'visitId', value ->> 'channel', value ->> 'inviteLink', value ->> 'personal',
  -- json_patch leaves out what is null.
  json_patch(value -> 'attribution', json_object('gaSessions', value ->> 'gaSessions')), coalesce(value ->> 'direct', 0),
  value ->> '$.client.ip', value ->> '$.client.userAgent'
FROM standing
WHERE true
ON CONFLICT (click_id) DO NOTHING
