-- Whose ad brought a visit: that of the click id in its address. Its row has those of its cookies, too, which are of ads before.
ALTER TABLE visits ADD COLUMN ad_platform TEXT; -- '': no click id was in the address; null: written before this was known

DROP VIEW visit_origins;

-- Where a visit comes from, in the words that a report has; '' where nothing is known. A visit by Telegram's click id that names no ad is
-- known by the page that the ad leads to. Programs that say they are are no visitors. What was written before the platform was known goes by
-- the row's click ids, as it was counted.
CREATE VIEW visit_origins AS
SELECT
  visit_id, temp_id, at_ms, day, website_id, bot,
  coalesce(lower(utm_source), platform) AS source,
  coalesce(utm_campaign, '') AS campaign,
  coalesce(utm_content, iif(platform = 'telegram', substr(page, 1, instr(replace(page, '#', '?') || '?', '?') - 1), '')) AS ad
FROM (
  SELECT
    visit_id, temp_id, at_ms, at_ms / 86400000 AS day, website_id, bot, utm_source, utm_campaign, utm_content,
    coalesce(landing_page, href) AS page,
    coalesce(ad_platform, CASE
      WHEN tgclid IS NOT NULL THEN 'telegram'
      WHEN ttclid IS NOT NULL THEN 'tiktok'
      WHEN sccid IS NOT NULL THEN 'snapchat'
      WHEN coalesce(gclid, gbraid, wbraid) IS NOT NULL THEN 'google'
      WHEN fbclid IS NOT NULL THEN 'meta'
      ELSE ''
    END) AS platform
  FROM visits
);
