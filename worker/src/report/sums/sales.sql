-- ?1: a time in days, and a site. Behind what the sums are by, the currency among it. Revenue is text: it may be beyond what JavaScript's numbers hold.
  sum(purchases) AS purchases, CAST(sum(revenue_minor) AS TEXT) AS revenue_minor
FROM sales
WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
