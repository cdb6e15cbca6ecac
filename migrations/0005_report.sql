-- Spend beside sales. Times are Unix ms; days are UTC, counted from 1970. Nothing here names a person, but for `kept_origins`.

-- Where a visit comes from, in the words that a report has; '' where nothing is known. A visit with Telegram's click id that names no ad is
-- known by the page that the ad leads to. Programs that say they are are no visitors.
CREATE VIEW visit_origins AS
SELECT
  visit_id, temp_id, at_ms, at_ms / 86400000 AS day, website_id, bot,
  coalesce(lower(utm_source), CASE
    WHEN tgclid IS NOT NULL THEN 'telegram'
    WHEN ttclid IS NOT NULL THEN 'tiktok'
    WHEN sccid IS NOT NULL THEN 'snapchat'
    WHEN coalesce(gclid, gbraid, wbraid) IS NOT NULL THEN 'google'
    WHEN fbclid IS NOT NULL THEN 'meta'
    ELSE ''
  END) AS source,
  coalesce(utm_campaign, '') AS campaign,
  coalesce(utm_content, CASE
    WHEN tgclid IS NOT NULL THEN substr(coalesce(landing_page, href), 1, instr(replace(coalesce(landing_page, href), '#', '?') || '?', '?') - 1)
    ELSE ''
  END) AS ad
FROM visits;

-- The same of a click: by the visit it came from or, where the page did not say, the visitor's latest before it.
CREATE VIEW click_origins AS
SELECT
  clicks.click_id, clicks.temp_id, clicks.visit_id, clicks.at_ms, clicks.at_ms / 86400000 AS day, clicks.website_id, coalesce(clicks.channel, '') AS channel,
  coalesce(visit_origins.bot, 0) AS bot, coalesce(source, '') AS source, coalesce(campaign, '') AS campaign, coalesce(ad, '') AS ad
FROM clicks LEFT JOIN visit_origins ON visit_origins.visit_id = coalesce(
  (SELECT visit_id FROM visits AS named WHERE named.visit_id = clicks.visit_id),
  (SELECT visit_id FROM visits AS latest WHERE latest.temp_id = clicks.temp_id AND latest.at_ms <= clicks.at_ms ORDER BY at_ms DESC LIMIT 1)
);

-- Visits and clicks, counted as they are written: `traffic.sql` of the ledger says how that stays exact. Kept when they are forgotten.
CREATE TABLE traffic (
  day        INTEGER NOT NULL,
  website_id TEXT NOT NULL,
  source     TEXT NOT NULL,
  campaign   TEXT NOT NULL,
  ad         TEXT NOT NULL,
  channel    TEXT NOT NULL, -- its slug, of clicks; '': none
  visits     INTEGER NOT NULL,
  clicks     INTEGER NOT NULL,
  PRIMARY KEY (day, website_id, source, campaign, ad, channel)
) STRICT, WITHOUT ROWID;

INSERT INTO traffic
SELECT day, website_id, source, campaign, ad, '', count(*), 0 FROM visit_origins WHERE NOT bot GROUP BY 1, 2, 3, 4, 5;
INSERT INTO traffic
SELECT day, website_id, source, campaign, ad, channel, 0, count(*) FROM click_origins WHERE NOT bot GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT DO UPDATE SET clicks = traffic.clicks + excluded.clicks;

-- Where clicks came from that somebody joined by, when their visits are forgotten: the join still is the ad's.
CREATE TABLE kept_origins (
  click_id TEXT PRIMARY KEY,
  source   TEXT NOT NULL,
  campaign TEXT NOT NULL,
  ad       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was bought, what joined and left in a time?
CREATE INDEX conversions_by_time ON conversions (event_ms);
CREATE INDEX members_by_join ON members (first_joined_ms) WHERE first_joined_ms IS NOT NULL;
CREATE INDEX members_by_leave ON members (changed_ms) WHERE status <> 'member';

-- AdStat's ads, as it last listed them.
CREATE TABLE ads (
  ad_id         INTEGER PRIMARY KEY,
  title         TEXT,
  campaign_id   INTEGER,
  campaign_name TEXT,
  link          TEXT -- what the ad leads to
) STRICT;

-- What AdStat says an ad did on a day. A later answer stands in the place of an earlier one.
CREATE TABLE ad_days (
  day          INTEGER NOT NULL,
  ad_id        INTEGER NOT NULL,
  campaign_id  INTEGER,
  impressions  INTEGER NOT NULL,
  clicks       INTEGER NOT NULL,
  spent_micros INTEGER NOT NULL, -- in millionths of the currency
  currency     TEXT NOT NULL,
  PRIMARY KEY (day, ad_id)
) STRICT, WITHOUT ROWID;

-- When that was last asked for.
CREATE TABLE pulls (
  kind  TEXT PRIMARY KEY CHECK (kind IN ('recent', 'month')),
  at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
