-- Behind `touched`, when visits and clicks are written. Where the conversions came from that are those clicks'.
UPDATE conversions SET origin_source = origin.source, origin_campaign = origin.campaign, origin_ad = origin.ad
FROM (SELECT click_id, source, campaign, ad FROM touched JOIN click_origins USING (click_id)) AS origin
WHERE conversions.click_id = origin.click_id
  AND (conversions.origin_source, conversions.origin_campaign, conversions.origin_ad) IS NOT (origin.source, origin.campaign, origin.ad)
