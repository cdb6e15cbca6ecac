-- ?1: visits (`visitId`, `tempId`, `atMs`), clicks (`clickId`), and a sign. Takes what stands of them off the day's counts, or adds it: before
-- and after they are written, in one transaction, so that each counts once as it stands, however often and in whatever order it was told.
-- With a visit go the clicks that may be its own.
WITH
touched AS (
  SELECT click_id FROM clicks WHERE click_id IN (SELECT value FROM json_each(?1, '$.clicks'))
  UNION
  SELECT clicks.click_id
  FROM json_each(?1, '$.visits') AS visit JOIN clicks ON clicks.temp_id = visit.value ->> 'tempId'
  WHERE clicks.visit_id = visit.value ->> 'visitId' OR clicks.at_ms >= visit.value ->> 'atMs'
),
counted AS (
  SELECT day, website_id, source, campaign, ad, '' AS channel, 1 AS visits, 0 AS clicks
  FROM visit_origins
  WHERE visit_id IN (SELECT value ->> 'visitId' FROM json_each(?1, '$.visits')) AND NOT bot
  UNION ALL
  SELECT day, website_id, source, campaign, ad, channel, 0, 1
  FROM click_origins
  WHERE click_id IN (SELECT click_id FROM touched) AND NOT bot
)
INSERT INTO traffic (day, website_id, source, campaign, ad, channel, visits, clicks)
SELECT day, website_id, source, campaign, ad, channel, sum(visits) * (?1 ->> 'sign'), sum(clicks) * (?1 ->> 'sign')
FROM counted
GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT DO UPDATE SET visits = traffic.visits + excluded.visits, clicks = traffic.clicks + excluded.clicks
