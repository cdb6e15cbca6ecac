-- One a person and channel, ever; where an earlier join is told later, it is that one.
INSERT INTO conversions (
  conversion_id, website_id, channel_id, telegram_user_id, event_type, custom_event_name, value_minor, currency, content_name,
  event_ms, attributed_ms, source, cold, awaits_value, click_id, overrides, person,
  origin_source, origin_campaign, origin_ad
)
SELECT
  ?1 ->> 'conversionId', ?1 ->> 'websiteId', ?1 ->> 'channelId', members.telegram_user_id,
  ?1 ->> 'eventType', ?1 ->> 'customEventName', ?1 ->> 'valueMinor', ?1 ->> 'currency', ?1 ->> 'title',
  ?1 ->> 'changedMs', ?1 ->> 'toldMs', 'tracker', 0, 0, members.click_id, '{}', '{}',
  origin_source, origin_campaign, origin_ad
FROM members JOIN link USING (click_id)
WHERE members.chat_id = ?1 ->> 'chatId' AND members.telegram_user_id = ?1 ->> 'telegramUserId'
ON CONFLICT (conversion_id) DO UPDATE SET
  click_id = excluded.click_id, event_ms = excluded.event_ms,
  origin_source = excluded.origin_source, origin_campaign = excluded.origin_campaign, origin_ad = excluded.origin_ad
WHERE excluded.event_ms < conversions.event_ms
