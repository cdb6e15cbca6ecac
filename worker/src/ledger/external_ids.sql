, known AS (
  SELECT website_id, external_user_id FROM leads WHERE telegram_user_id IN (SELECT telegram_user_id FROM them) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  UNION
  SELECT website_id, external_user_id FROM conversions WHERE telegram_user_id IN (SELECT telegram_user_id FROM them) AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
),
named AS (SELECT DISTINCT website_id, external_user_id, temp_id FROM known CROSS JOIN visits USING (website_id, external_user_id)),
bearers AS (
  SELECT website_id, external_user_id, telegram_user_id FROM known CROSS JOIN leads USING (website_id, external_user_id)
  UNION ALL
  SELECT website_id, external_user_id, telegram_user_id FROM known CROSS JOIN conversions USING (website_id, external_user_id)
  UNION ALL
  SELECT named.website_id, named.external_user_id, conversions.telegram_user_id FROM named CROSS JOIN conversions ON joined_by = temp_id
  UNION ALL
  SELECT named.website_id, named.external_user_id, conversions.telegram_user_id FROM named CROSS JOIN clicks USING (temp_id) CROSS JOIN conversions USING (click_id)
  UNION ALL
  SELECT named.website_id, named.external_user_id, members.telegram_user_id FROM named CROSS JOIN clicks USING (temp_id) CROSS JOIN members USING (click_id)
),
-- Behind `them`, people; CROSS has SQLite begin with what is few. The sites' own ids of them: none that somebody else bears, or somebody who came by a
-- browser that does, and none of more browsers than a person has, such as a shop's "guest".
external_ids AS (
  SELECT website_id, external_user_id FROM known
  WHERE external_user_id IS NOT NULL
    AND NOT EXISTS (
      SELECT 1 FROM bearers
      WHERE (bearers.website_id, bearers.external_user_id) = (known.website_id, known.external_user_id)
        AND telegram_user_id NOT IN (SELECT telegram_user_id FROM them)
    )
    AND (
      SELECT count(*) FROM named WHERE (named.website_id, named.external_user_id) = (known.website_id, known.external_user_id)
    ) <= 10
)
