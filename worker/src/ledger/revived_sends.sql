-- Behind `touched`, when visits and clicks are written or a start tells of one, with the time (`nowMs`) and how long a send is owed (`giveUpMs`). What was
-- skipped for want of what those clicks carry is looked at again: after an outage a click may come long after its join, and its visit a moment behind
-- it, for which a minute is left.
UPDATE sends SET state = 'pending', due_ms = ?1 ->> 'nowMs' + 60000, changed_ms = ?1 ->> 'nowMs', claim = NULL, batch_limit = NULL
FROM (SELECT conversion_id FROM touched JOIN conversions USING (click_id)) AS late
WHERE sends.conversion_id = late.conversion_id AND sends.state = 'skipped' AND sends.code IN ('no_signal', 'no_page', 'no_user_agent')
  AND sends.owed_since_ms > ?1 ->> 'nowMs' - ?1 ->> 'giveUpMs'
