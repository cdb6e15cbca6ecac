-- What came of ads, counted by day as it happens. Times are Unix ms; days are UTC, counted from 1970.

-- Where a person came from is written down with what they did, and stays when visits and clicks are forgotten; '' where nothing is known.
ALTER TABLE members ADD COLUMN origin_source TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN origin_campaign TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN origin_ad TEXT NOT NULL DEFAULT '';
ALTER TABLE conversions ADD COLUMN origin_source TEXT NOT NULL DEFAULT '';
ALTER TABLE conversions ADD COLUMN origin_campaign TEXT NOT NULL DEFAULT '';
ALTER TABLE conversions ADD COLUMN origin_ad TEXT NOT NULL DEFAULT '';

UPDATE members SET (origin_source, origin_campaign, origin_ad) = (SELECT source, campaign, ad FROM click_origins WHERE click_origins.click_id = members.click_id)
WHERE click_id IN (SELECT click_id FROM clicks);
UPDATE members SET (origin_source, origin_campaign, origin_ad) = (SELECT source, campaign, ad FROM kept_origins WHERE kept_origins.click_id = members.click_id)
WHERE click_id IN (SELECT click_id FROM kept_origins);
UPDATE conversions SET (origin_source, origin_campaign, origin_ad) = (SELECT source, campaign, ad FROM click_origins WHERE click_origins.click_id = conversions.click_id)
WHERE click_id IN (SELECT click_id FROM clicks);
UPDATE conversions SET (origin_source, origin_campaign, origin_ad) = (SELECT source, campaign, ad FROM kept_origins WHERE kept_origins.click_id = conversions.click_id)
WHERE click_id IN (SELECT click_id FROM kept_origins);
UPDATE conversions SET origin_source = CASE
    WHEN overrides ->> 'ttclid' IS NOT NULL THEN 'tiktok'
    WHEN overrides ->> 'sccid' IS NOT NULL THEN 'snapchat'
    WHEN overrides ->> 'gclid' IS NOT NULL THEN 'google'
    WHEN overrides ->> 'fbc' IS NOT NULL THEN 'meta'
    ELSE ''
  END
WHERE overrides <> '{}' AND origin_source = '';

DROP TABLE kept_origins;

-- Who came and went. A person joins a channel once, and has left it who is out of it now.
CREATE TABLE moves (
  day      INTEGER NOT NULL,
  chat_id  INTEGER NOT NULL,
  source   TEXT NOT NULL,
  campaign TEXT NOT NULL,
  ad       TEXT NOT NULL,
  joins    INTEGER NOT NULL,
  leaves   INTEGER NOT NULL,
  PRIMARY KEY (day, chat_id, source, campaign, ad)
) STRICT, WITHOUT ROWID;

INSERT INTO moves
SELECT day, chat_id, origin_source, origin_campaign, origin_ad, sum(joins), sum(leaves)
FROM (
  SELECT first_joined_ms / 86400000 AS day, chat_id, origin_source, origin_campaign, origin_ad, 1 AS joins, 0 AS leaves
  FROM members WHERE first_joined_ms IS NOT NULL
  UNION ALL
  SELECT changed_ms / 86400000, chat_id, origin_source, origin_campaign, origin_ad, 0, 1
  FROM members WHERE first_joined_ms IS NOT NULL AND status <> 'member'
)
GROUP BY 1, 2, 3, 4, 5;

-- What was bought.
CREATE TABLE sales (
  day           INTEGER NOT NULL,
  website_id    TEXT NOT NULL,
  channel_id    TEXT NOT NULL,
  source        TEXT NOT NULL,
  campaign      TEXT NOT NULL,
  ad            TEXT NOT NULL,
  currency      TEXT NOT NULL, -- '': the value has yet to be told
  purchases     INTEGER NOT NULL,
  revenue_minor INTEGER NOT NULL, -- in the currency's minor units
  PRIMARY KEY (day, website_id, channel_id, source, campaign, ad, currency)
) STRICT, WITHOUT ROWID;

INSERT INTO sales
SELECT
  event_ms / 86400000, website_id, channel_id, origin_source, origin_campaign, origin_ad, coalesce(currency, ''), count(*), coalesce(sum(value_minor), 0)
FROM conversions
WHERE event_type = 'Purchase'
GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- Both follow their rows in the rows' own transaction, whoever writes them: what stood before is taken off, what stands now is added, and what
-- is the same before and after writes nothing.
CREATE TRIGGER moves_of_new_member AFTER INSERT ON members WHEN NEW.first_joined_ms IS NOT NULL BEGIN
  INSERT INTO moves
  SELECT day, NEW.chat_id, NEW.origin_source, NEW.origin_campaign, NEW.origin_ad, sum(joins), sum(leaves)
  FROM (
    SELECT NEW.first_joined_ms / 86400000 AS day, 1 AS joins, 0 AS leaves
    UNION ALL
    SELECT NEW.changed_ms / 86400000, 0, 1 WHERE NEW.status <> 'member'
  )
  GROUP BY day
  ON CONFLICT DO UPDATE SET joins = moves.joins + excluded.joins, leaves = moves.leaves + excluded.leaves;
END;

CREATE TRIGGER moves_of_member AFTER UPDATE ON members BEGIN
  INSERT INTO moves
  SELECT day, chat_id, source, campaign, ad, sum(joins), sum(leaves)
  FROM (
    SELECT OLD.first_joined_ms / 86400000 AS day, OLD.chat_id AS chat_id, OLD.origin_source AS source, OLD.origin_campaign AS campaign, OLD.origin_ad AS ad, -1 AS joins, 0 AS leaves
    WHERE OLD.first_joined_ms IS NOT NULL
    UNION ALL
    SELECT OLD.changed_ms / 86400000, OLD.chat_id, OLD.origin_source, OLD.origin_campaign, OLD.origin_ad, 0, -1
    WHERE OLD.first_joined_ms IS NOT NULL AND OLD.status <> 'member'
    UNION ALL
    SELECT NEW.first_joined_ms / 86400000, NEW.chat_id, NEW.origin_source, NEW.origin_campaign, NEW.origin_ad, 1, 0
    WHERE NEW.first_joined_ms IS NOT NULL
    UNION ALL
    SELECT NEW.changed_ms / 86400000, NEW.chat_id, NEW.origin_source, NEW.origin_campaign, NEW.origin_ad, 0, 1
    WHERE NEW.first_joined_ms IS NOT NULL AND NEW.status <> 'member'
  )
  GROUP BY 1, 2, 3, 4, 5
  HAVING sum(joins) <> 0 OR sum(leaves) <> 0
  ON CONFLICT DO UPDATE SET joins = moves.joins + excluded.joins, leaves = moves.leaves + excluded.leaves;
END;

CREATE TRIGGER moves_of_erased_member AFTER DELETE ON members WHEN OLD.first_joined_ms IS NOT NULL BEGIN
  INSERT INTO moves
  SELECT day, OLD.chat_id, OLD.origin_source, OLD.origin_campaign, OLD.origin_ad, sum(joins), sum(leaves)
  FROM (
    SELECT OLD.first_joined_ms / 86400000 AS day, -1 AS joins, 0 AS leaves
    UNION ALL
    SELECT OLD.changed_ms / 86400000, 0, -1 WHERE OLD.status <> 'member'
  )
  GROUP BY day
  ON CONFLICT DO UPDATE SET joins = moves.joins + excluded.joins, leaves = moves.leaves + excluded.leaves;
END;

CREATE TRIGGER sales_of_new_conversion AFTER INSERT ON conversions WHEN NEW.event_type = 'Purchase' BEGIN
  INSERT INTO sales
  SELECT
    NEW.event_ms / 86400000, NEW.website_id, NEW.channel_id, NEW.origin_source, NEW.origin_campaign, NEW.origin_ad, coalesce(NEW.currency, ''),
    1, coalesce(NEW.value_minor, 0)
  WHERE true
  ON CONFLICT DO UPDATE SET purchases = sales.purchases + excluded.purchases, revenue_minor = sales.revenue_minor + excluded.revenue_minor;
END;

CREATE TRIGGER sales_of_conversion AFTER UPDATE ON conversions WHEN OLD.event_type = 'Purchase' OR NEW.event_type = 'Purchase' BEGIN
  INSERT INTO sales
  SELECT day, website_id, channel_id, source, campaign, ad, currency, sum(purchases), sum(revenue_minor)
  FROM (
    SELECT
      OLD.event_ms / 86400000 AS day, OLD.website_id AS website_id, OLD.channel_id AS channel_id, OLD.origin_source AS source, OLD.origin_campaign AS campaign,
      OLD.origin_ad AS ad, coalesce(OLD.currency, '') AS currency, -1 AS purchases, -coalesce(OLD.value_minor, 0) AS revenue_minor
    WHERE OLD.event_type = 'Purchase'
    UNION ALL
    SELECT
      NEW.event_ms / 86400000, NEW.website_id, NEW.channel_id, NEW.origin_source, NEW.origin_campaign,
      NEW.origin_ad, coalesce(NEW.currency, ''), 1, coalesce(NEW.value_minor, 0)
    WHERE NEW.event_type = 'Purchase'
  )
  GROUP BY 1, 2, 3, 4, 5, 6, 7
  HAVING sum(purchases) <> 0 OR sum(revenue_minor) <> 0
  ON CONFLICT DO UPDATE SET purchases = sales.purchases + excluded.purchases, revenue_minor = sales.revenue_minor + excluded.revenue_minor;
END;

CREATE TRIGGER sales_of_erased_conversion AFTER DELETE ON conversions WHEN OLD.event_type = 'Purchase' BEGIN
  INSERT INTO sales
  SELECT
    OLD.event_ms / 86400000, OLD.website_id, OLD.channel_id, OLD.origin_source, OLD.origin_campaign, OLD.origin_ad, coalesce(OLD.currency, ''),
    -1, -coalesce(OLD.value_minor, 0)
  WHERE true
  ON CONFLICT DO UPDATE SET purchases = sales.purchases + excluded.purchases, revenue_minor = sales.revenue_minor + excluded.revenue_minor;
END;
