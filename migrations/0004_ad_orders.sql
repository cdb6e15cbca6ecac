-- What was asked of AdStat that spends money: kept for good. Times are Unix ms.

CREATE TABLE ad_orders (
  order_id    TEXT PRIMARY KEY, -- derived from the Idempotency-Key: the same order told twice is one row. Landing links bear its beginning
  at_ms       INTEGER NOT NULL, -- of the first attempt
  who         TEXT NOT NULL, -- whom Cloudflare Access vouched for; else 'operator'
  action      TEXT NOT NULL CHECK (action IN ('create', 'edit')),
  request     TEXT NOT NULL, -- JSON, as AdStat was sent it
  sent_ms     INTEGER NOT NULL, -- of the latest attempt
  outcome     TEXT NOT NULL CHECK (outcome IN ('sent', 'done', 'refused')), -- sent: whether AdStat did it is not known
  status      INTEGER, -- of AdStat's answer; NULL: none came
  answer      TEXT, -- AdStat's, as it came
  ad_id       INTEGER,
  earlier_ads TEXT -- JSON: ids of the ads of its day that stood before it was sent; of action create
) STRICT, WITHOUT ROWID;

-- What was bought last?
CREATE INDEX ad_orders_by_time ON ad_orders (at_ms);

-- Which ad is somebody's order already?
CREATE INDEX ad_orders_of_ad ON ad_orders (ad_id) WHERE ad_id IS NOT NULL;
