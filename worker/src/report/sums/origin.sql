  -- Where something came from. Who visits can say anything at any length, and the longest link that an ad leads to is shorter. Ads of campaigns are
  -- told apart where they say more of the campaign than `campaign`: those that AdStat has, by their names or by the page they lead to.
  substr(source, 1, 500) AS source, substr(campaign, 1, 500) AS campaign,
  iif(
    ?1 ->> 'by' <> 'campaign' OR ad LIKE 'http%' OR ad IN (SELECT value FROM json_each(?1, '$.contents')),
    substr(ad, 1, 500), ''
  ) AS ad
