// The report's statements as they would be without counts of joins and sales: each reckons where a click came from.
const origin = (column, of) => `coalesce((SELECT ${column} FROM click_origins WHERE click_origins.click_id = ${of}.click_id), '')`;
const by = (names, expression) => `iif(?1 ->> 'by' IN (${names.map((name) => `'${name}'`).join(", ")}), ${expression}, '')`;
const day = (expression) => `iif(?1 ->> 'by' = 'day', ${expression}, NULL) AS day`;

export const reckoned = [
  `SELECT ${day("day")}, ${by(["channel"], "website_id")}, ${by(["channel"], "channel")}, ${by(["source"], "source")}, ${by(["ad", "campaign"], "campaign")}, ${by(["ad", "campaign"], "ad")},
    sum(visits) AS visits, sum(clicks) AS clicks
  FROM traffic
  WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay' AND (?1 ->> 'websiteId' IS NULL OR website_id = ?1 ->> 'websiteId')
  GROUP BY 1, 2, 3, 4, 5, 6`,
  `WITH moved AS (
    SELECT first_joined_ms AS at_ms, chat_id, click_id, 1 AS joins, 0 AS leaves FROM members
    WHERE first_joined_ms >= ?1 ->> 'fromMs' AND first_joined_ms < ?1 ->> 'toMs'
    UNION ALL
    SELECT changed_ms, chat_id, click_id, 0, 1 FROM members
    WHERE status <> 'member' AND changed_ms >= ?1 ->> 'fromMs' AND changed_ms < ?1 ->> 'toMs' AND first_joined_ms IS NOT NULL
  )
  SELECT ${day("at_ms / 86400000")}, ${by(["channel"], "CAST(chat_id AS TEXT)")}, ${by(["source"], origin("source", "moved"))},
    ${by(["ad", "campaign"], origin("campaign", "moved"))}, ${by(["ad", "campaign"], origin("ad", "moved"))}, sum(joins) AS joins, sum(leaves) AS leaves
  FROM moved GROUP BY 1, 2, 3, 4, 5`,
  `SELECT ${day("event_ms / 86400000")}, ${by(["channel"], "website_id")}, ${by(["channel"], "channel_id")}, ${by(["source"], origin("source", "conversions"))},
    ${by(["ad", "campaign"], origin("campaign", "conversions"))}, ${by(["ad", "campaign"], origin("ad", "conversions"))}, currency,
    count(*) AS purchases, CAST(coalesce(sum(value_minor), 0) AS TEXT) AS revenue_minor
  FROM conversions
  WHERE event_type = 'Purchase' AND event_ms >= ?1 ->> 'fromMs' AND event_ms < ?1 ->> 'toMs'
  GROUP BY 1, 2, 3, 4, 5, 6, 7`,
  `SELECT ${day("day")}, ad_id, campaign_id, currency, sum(impressions), sum(clicks), CAST(sum(spent_micros) AS TEXT)
  FROM ad_days WHERE day >= ?1 ->> 'fromDay' AND day < ?1 ->> 'toDay' GROUP BY 1, 2, 3, 4`,
  `SELECT known.ad_id, title, campaign_id, campaign_name, link,
    (SELECT group_concat(substr(order_id, 1, ?1 ->> 'contentLength')) FROM ad_orders WHERE ad_orders.ad_id = known.ad_id AND action = 'create') AS contents
  FROM (SELECT ad_id FROM ads UNION SELECT ad_id FROM ad_days) AS known LEFT JOIN ads USING (ad_id)`,
];
