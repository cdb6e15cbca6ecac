-- What became of a click: members of channels, leads, conversions; and who may ask. Times are Unix ms.

-- Where Edgeway's bots are admins, as their own updates say.
CREATE TABLE telegram_channels (
  chat_id      INTEGER PRIMARY KEY,
  bot          TEXT NOT NULL,
  title        TEXT NOT NULL,
  username     TEXT, -- NULL: a private channel
  broken       TEXT, -- what the bot lacks there; NULL: nothing
  changed_ms   INTEGER NOT NULL
) STRICT;

-- Updates that were taken: each counts once, however often Telegram sends it.
CREATE TABLE telegram_updates (
  bot       TEXT NOT NULL,
  update_id INTEGER NOT NULL,
  at_ms     INTEGER NOT NULL,
  PRIMARY KEY (bot, update_id)
) STRICT, WITHOUT ROWID;

-- Which are old enough to forget?
CREATE INDEX telegram_updates_by_age ON telegram_updates (at_ms);

-- Links made for a click after the click: a bot's answer to /start. All others bear the click's id as their name.
CREATE TABLE invite_names (
  name     TEXT PRIMARY KEY,
  click_id TEXT NOT NULL,
  at_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
  chat_id          INTEGER NOT NULL,
  telegram_user_id INTEGER NOT NULL,
  status           TEXT NOT NULL CHECK (status IN ('member', 'left', 'banned')),
  changed_ms       INTEGER NOT NULL, -- Telegram's date of the change: a late update does not undo a newer one
  changed_by       INTEGER NOT NULL, -- the update that told of it: the later of two in one second
  first_joined_ms  INTEGER,
  joins            INTEGER NOT NULL,
  click_id         TEXT, -- of the first join by a link that is known; NULL: organic
  PRIMARY KEY (chat_id, telegram_user_id)
) STRICT, WITHOUT ROWID;

-- Whose is a click? Each is one person's.
CREATE INDEX members_of_click ON members (click_id) WHERE click_id IS NOT NULL;

-- Which click does a link belong to that bears no click's id as its name?
CREATE INDEX clicks_of_link ON clicks (invite_link) WHERE personal;

CREATE TABLE leads (
  website_id       TEXT NOT NULL,
  telegram_user_id INTEGER NOT NULL,
  first_seen_ms    INTEGER NOT NULL,
  last_seen_ms     INTEGER NOT NULL,
  external_user_id TEXT,
  organic          INTEGER NOT NULL, -- whether no known click brought the person
  PRIMARY KEY (telegram_user_id, website_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversions (
  conversion_id     TEXT PRIMARY KEY, -- derived from what caused it: the same cause told twice is one row
  website_id        TEXT NOT NULL,
  channel_id        TEXT NOT NULL,
  telegram_user_id  INTEGER NOT NULL,
  event_type        TEXT NOT NULL,
  custom_event_name TEXT,
  value_minor       INTEGER, -- in the currency's minor units
  currency          TEXT,
  content_name      TEXT,
  external_user_id  TEXT,
  event_ms          INTEGER NOT NULL, -- when it happened
  attributed_ms     INTEGER NOT NULL, -- when it was told
  source            TEXT NOT NULL CHECK (source IN ('tracker', 'webhook', 'api')),
  cold              INTEGER NOT NULL,
  awaits_value      INTEGER NOT NULL, -- a Purchase whose value is told by hand
  capi_status       TEXT NOT NULL CHECK (capi_status IN ('pending', 'skipped')),
  warning           TEXT,
  click_id          TEXT, -- the click it is attributed to; a warm lead's is that of the earlier conversion
  overrides         TEXT NOT NULL, -- JSON: what the caller said of a cold lead's click
  person            TEXT NOT NULL  -- JSON: hashes, nothing in the clear
) STRICT;

-- What is known of a lead, what did it bring before in this channel, and is this Purchase the one just told?
CREATE INDEX conversions_of_lead ON conversions (telegram_user_id, website_id, channel_id, attributed_ms);

-- Who came by a click?
CREATE INDEX conversions_of_click ON conversions (click_id) WHERE click_id IS NOT NULL;

-- Where a conversion comes from: its click, and the visit the click came from or, where the page did not say, the visitor's
-- latest before it. Asked when it is wanted, so it matters not which came in first.
CREATE VIEW attributions AS
SELECT
  conversions.conversion_id, clicks.click_id, clicks.temp_id, clicks.client_session_id, clicks.attribution AS click_attribution,
  clicks.ip AS click_ip, clicks.user_agent AS click_user_agent, visits.*
FROM conversions
LEFT JOIN clicks ON clicks.click_id = conversions.click_id
LEFT JOIN visits ON visits.visit_id = coalesce(
  (SELECT visit_id FROM visits AS named WHERE named.visit_id = clicks.visit_id),
  (SELECT visit_id FROM visits AS latest WHERE latest.temp_id = clicks.temp_id AND latest.at_ms <= clicks.at_ms ORDER BY at_ms DESC LIMIT 1)
);

CREATE TABLE api_keys (
  prefix        TEXT PRIMARY KEY,
  secret_sha256 TEXT NOT NULL, -- hex, of the whole key
  name          TEXT NOT NULL,
  website_id    TEXT, -- NULL: all sites
  created_ms    INTEGER NOT NULL,
  last_used_ms  INTEGER,
  revoked_ms    INTEGER
) STRICT, WITHOUT ROWID;

-- Answers to calls that bore an Idempotency-Key, for 24 hours.
CREATE TABLE idempotency (
  key_prefix      TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_sha256  TEXT NOT NULL, -- hex, of method, path and body
  at_ms           INTEGER NOT NULL, -- of the first attempt: the ids that the call makes are derived from it
  claimed_ms      INTEGER NOT NULL, -- of the latest attempt; 0: it came to nothing, and another may begin
  status          INTEGER, -- NULL: none has been answered
  body            TEXT,
  PRIMARY KEY (key_prefix, idempotency_key)
) STRICT, WITHOUT ROWID;

-- Which are old enough to forget?
CREATE INDEX idempotency_by_age ON idempotency (at_ms);

-- Conversions that were accepted while AdTarget was away, and what became of them.
CREATE TABLE owed_conversions (
  conversion_id    TEXT PRIMARY KEY, -- the id that the caller was given, and AdTarget's Idempotency-Key on every attempt
  telegram_user_id INTEGER NOT NULL,
  website_id       TEXT, -- of the key that told it; NULL: an account-wide one
  at_ms            INTEGER NOT NULL,
  tried_ms         INTEGER NOT NULL,
  path             TEXT NOT NULL, -- behind /api/v1/
  body             TEXT NOT NULL, -- JSON, as told, less what names a person; empty once it is settled
  status           TEXT NOT NULL CHECK (status IN ('owed', 'delivered', 'refused')),
  adtarget_id      TEXT, -- AdTarget's own id of it, once delivered
  reason           TEXT  -- what AdTarget said when it refused
) STRICT, WITHOUT ROWID;

-- Which have been waiting the longest?
CREATE INDEX owed_conversions_by_attempt ON owed_conversions (status, tried_ms);

-- Which are of a person that is to be erased?
CREATE INDEX owed_conversions_of_lead ON owed_conversions (telegram_user_id);

-- What signed webhooks brought.
CREATE TABLE webhook_events (
  source        TEXT NOT NULL,
  event_id      TEXT NOT NULL,
  at_ms         INTEGER NOT NULL,
  status        TEXT NOT NULL CHECK (status IN ('converted', 'failed', 'ignored')),
  reason        TEXT,
  conversion_id TEXT,
  temp_id       TEXT, -- of a failed one: the visitor who has to join first
  payload       TEXT, -- JSON, of a failed one or one that AdTarget has yet to take, with what names a person taken out
  person        TEXT, -- JSON, of a failed one: hashes, nothing in the clear
  PRIMARY KEY (source, event_id)
) STRICT, WITHOUT ROWID;

-- Which are old enough to forget?
CREATE INDEX webhook_events_by_age ON webhook_events (at_ms);

-- Which told of a conversion that was settled, or of one of a person that is to be erased?
CREATE INDEX webhook_events_of_conversion ON webhook_events (conversion_id) WHERE conversion_id IS NOT NULL;

-- Which wait for somebody to join?
CREATE INDEX webhook_events_waiting ON webhook_events (source, at_ms) WHERE status = 'failed' AND temp_id IS NOT NULL;

-- Which are old enough to forget? Visits and clicks have no such index: they come in the order of their times, so the
-- oldest are the first rows, and a million index entries cost as much as a million rows.
CREATE INDEX invite_names_by_age ON invite_names (at_ms);
