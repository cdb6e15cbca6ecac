-- ?1: how much of an order's id that is.
-- All ads that are known, with what the landing links of those that were bought here are decorated with.
SELECT
  known.ad_id, title, campaign_id, campaign_name, link,
  (SELECT group_concat(substr(order_id, 1, ?1 ->> '$')) FROM ad_orders WHERE ad_orders.ad_id = known.ad_id AND action = 'create') AS contents
FROM (SELECT ad_id FROM ads UNION SELECT ad_id FROM ad_days) AS known LEFT JOIN ads USING (ad_id)
