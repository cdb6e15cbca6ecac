-- Behind `touched`, with a sign. Takes what stands of the visits and clicks off the day's counts, or adds it: before and after they are written,
-- in one transaction, so that each counts once as it stands, however often and in whatever order it was told.
, counted AS (
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
