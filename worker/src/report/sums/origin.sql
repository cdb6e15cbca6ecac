  -- Where something came from. Who visits can say anything at any length; the longest link that an ad leads to is shorter. An ad is told apart
  -- from its campaign's others where it can say more of the campaign than `campaign` does: one that AdStat has, by name or by the page it leads to.
  -- What the link of an ad says itself is that ad's from the link's own source alone.
  substr(source, 1, 200) AS source, substr(campaign, 1, 200) AS campaign,
  iif(
    ?1 ->> 'by' <> 'campaign' OR ad LIKE '%.%/%' OR ad IN (SELECT value FROM json_each(?1, '$.contents')),
    substr(ad, 1, iif(ad LIKE '%.%/%', 500, 200)), ''
  ) AS ad,
  iif(ad IN (SELECT value FROM json_each(?1, '$.ownWords')), substr(source, 1, 200), '') AS told_by
