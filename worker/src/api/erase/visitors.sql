-- ?1: a lead. The browsers it clicked in, where no other site knows them.
DELETE FROM visitors
WHERE temp_id IN (SELECT temp_id FROM clicks WHERE click_id IN (
    SELECT click_id FROM conversions WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
    UNION SELECT click_id FROM members WHERE telegram_user_id = ?1 ->> 'telegramUserId' AND (?1 ->> 'websiteId' IS NULL OR chat_id IN (SELECT value FROM json_each(?1, '$.chatIds')))
  ))
  AND NOT EXISTS (SELECT 1 FROM visits WHERE visits.temp_id = visitors.temp_id)
