-- ?1: a page of AdStat's ads. One that it lists no more stays as it was.
INSERT INTO ads (ad_id, title, campaign_id, campaign_name, link)
SELECT value ->> 'id', value ->> 'advertisement_title', value ->> 'campaign_id', value ->> 'campaign_name', value ->> 'object'
FROM json_each(?1)
WHERE true
ON CONFLICT (ad_id) DO UPDATE SET
  title = excluded.title, campaign_id = excluded.campaign_id, campaign_name = excluded.campaign_name, link = excluded.link
WHERE (ads.title, ads.campaign_id, ads.campaign_name, ads.link) IS NOT (excluded.title, excluded.campaign_id, excluded.campaign_name, excluded.link)
