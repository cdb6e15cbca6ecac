-- Behind `moved`: who came or went, when, where, by which click.
SELECT
  iif(?1 ->> 'by' = 'day', moved.at_ms / 86400000, NULL) AS day,
  iif(?1 ->> 'by' = 'channel', CAST(chat_id AS TEXT), '') AS chat_id,
  iif(?1 ->> 'by' = 'source', coalesce(
    (SELECT source FROM kept_origins WHERE kept_origins.click_id = moved.click_id),
    (SELECT source FROM click_origins WHERE click_origins.click_id = moved.click_id), ''), '') AS source,
  iif(?1 ->> 'by' IN ('ad', 'campaign'), coalesce((SELECT campaign FROM kept_origins WHERE kept_origins.click_id = moved.click_id),
    (SELECT campaign FROM click_origins WHERE click_origins.click_id = moved.click_id), ''), '') AS campaign,
  iif(?1 ->> 'by' IN ('ad', 'campaign'), coalesce((SELECT ad FROM kept_origins WHERE kept_origins.click_id = moved.click_id),
    (SELECT ad FROM click_origins WHERE click_origins.click_id = moved.click_id), ''), '') AS ad,
  sum(joins) AS joins, sum(leaves) AS leaves
FROM moved
GROUP BY 1, 2, 3, 4, 5
