-- The outbox: deliveries of conversions to ad platforms. Times are Unix ms.

CREATE TABLE sends (
  conversion_id TEXT NOT NULL,
  destination   TEXT NOT NULL, -- its name in the site's settings; the platform's own unless a site has two of one
  website_id    TEXT NOT NULL,
  platform      TEXT NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'skipped', 'rejected', 'dead')),
  made_ms       INTEGER NOT NULL,
  owed_since_ms INTEGER NOT NULL, -- attempts end a while after that: when it was made, or last replayed
  due_ms        INTEGER NOT NULL, -- of a pending one: nobody tries before. A claim is a lease: it puts this off
  claim         TEXT,             -- who tries it, or tried it last: only that one says what came of it
  batch_limit   INTEGER,          -- how many may go in one request with it; NULL: as many as the platform takes
  attempts      INTEGER NOT NULL, -- requests that it was part of
  changed_ms    INTEGER NOT NULL, -- when the state came about, or the latest attempt ended
  code          TEXT,             -- why it stands as it does
  words         TEXT,             -- the same in words, the platform's own where it answered
  request_id    TEXT,             -- the platform's
  match_keys    TEXT,             -- what it told of the person and the click, comma-separated
  -- A platform tells one event from another by its id, which is made of the conversion's.
  UNIQUE (conversion_id, destination)
) STRICT;

-- What is to be tried next? Rows are listed in the order they were made, so no index has their age.
CREATE INDEX sends_due ON sends (website_id, destination, due_ms) WHERE state = 'pending';

-- What has to be looked at?
CREATE INDEX sends_failed ON sends (state, changed_ms) WHERE state IN ('rejected', 'dead');

-- Destinations that do not take what they are sent.
CREATE TABLE circuits (
  website_id  TEXT NOT NULL,
  destination TEXT NOT NULL,
  failures    INTEGER NOT NULL, -- in a row
  open_ms     INTEGER NOT NULL, -- nothing is sent before
  code        TEXT NOT NULL,    -- why
  words       TEXT NOT NULL,    -- what it said last
  PRIMARY KEY (website_id, destination)
) STRICT, WITHOUT ROWID;

ALTER TABLE conversions ADD COLUMN consent TEXT CHECK (consent IN ('granted', 'denied'));
-- Both follow from the conversion and its sends.
ALTER TABLE conversions DROP COLUMN capi_status;
ALTER TABLE conversions DROP COLUMN warning;

-- All that is known of where a conversion comes from: what the visit carried, else the click, else what the teller said.
-- json_patch leaves out what is null.
CREATE VIEW trails AS
SELECT
  conversions.conversion_id,
  json_patch(
    json_patch(json_remove(conversions.overrides, '$.clientIp', '$.userAgent'), coalesce(click_attribution, '{}')),
    -- In two, since D1 documents 32 arguments as the most a function takes.
    json_patch(
      json_patch('{}', json_object(
        'clickId', conversions.click_id, 'visitId', attributions.visit_id, 'tempId', attributions.temp_id,
        'landingPage', landing_page, 'referrer', referrer, 'fbc', fbc, 'fbp', fbp, 'fbclid', fbclid, 'ttclid', ttclid, 'ttp', ttp
      )),
      json_object(
        'gclid', gclid, 'gbraid', gbraid, 'wbraid', wbraid, 'sccid', sccid, 'scid', scid, 'tgclid', tgclid,
        'utmSource', utm_source, 'utmMedium', utm_medium, 'utmCampaign', utm_campaign, 'utmContent', utm_content, 'utmTerm', utm_term
      )
    )
  ) AS attribution,
  coalesce(attributions.ip, click_ip, conversions.overrides ->> 'clientIp') AS client_ip,
  coalesce(attributions.user_agent, click_user_agent, conversions.overrides ->> 'userAgent') AS client_user_agent,
  attributions.country AS client_country,
  coalesce(href, conversions.overrides ->> 'eventSourceUrl') AS page_url,
  referrer AS page_referrer,
  coalesce(conversions.consent, attributions.consent) AS consent,
  -- Whether the click or its visit has yet to come: both go through the queue.
  conversions.click_id IS NOT NULL AND (clicks.click_id IS NULL OR (clicks.visit_id IS NOT NULL AND clicks.visit_id IS NOT attributions.visit_id)) AS is_late
FROM conversions JOIN attributions USING (conversion_id) LEFT JOIN clicks ON clicks.click_id = conversions.click_id;

-- Sends with all that is known of their conversions.
CREATE VIEW outbox AS
SELECT
  sends.*,
  telegram_user_id, event_type, custom_event_name, value_minor, currency, content_name, event_ms, person,
  attribution, client_ip, client_user_agent, client_country, page_url, page_referrer, trails.consent, is_late
FROM sends JOIN conversions USING (conversion_id) JOIN trails USING (conversion_id);
