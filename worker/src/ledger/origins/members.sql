-- Behind `touched`, when visits and clicks are written. Where the members came from that are those clicks'.
UPDATE members SET origin_source = origin.source, origin_campaign = origin.campaign, origin_ad = origin.ad
FROM (SELECT click_id, source, campaign, ad FROM touched JOIN click_origins USING (click_id)) AS origin
WHERE members.click_id = origin.click_id
  AND (members.origin_source, members.origin_campaign, members.origin_ad) IS NOT (origin.source, origin.campaign, origin.ad)
