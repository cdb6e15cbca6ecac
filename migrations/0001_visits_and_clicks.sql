-- Edgeway's ledger: who came, from which ad, and who tapped the invite. Times are Unix ms. Rows come through the queue,
-- more than once and in any order, so each has a key made where it happened.

CREATE TABLE visits (
  visit_id          TEXT PRIMARY KEY,
  at_ms             INTEGER NOT NULL,
  website_id        TEXT NOT NULL,
  temp_id           TEXT NOT NULL,
  client_session_id TEXT NOT NULL,
  external_user_id  TEXT,
  captured_by       TEXT NOT NULL CHECK (captured_by IN ('page', 'edge')),
  href              TEXT NOT NULL,
  landing_page      TEXT,
  referrer          TEXT,
  fbc               TEXT,
  fbp               TEXT,
  fbclid            TEXT,
  ttclid            TEXT,
  ttp               TEXT,
  gclid             TEXT,
  gbraid            TEXT,
  wbraid            TEXT,
  sccid             TEXT,
  scid              TEXT,
  tgclid            TEXT,
  utm_source        TEXT,
  utm_medium        TEXT,
  utm_campaign      TEXT,
  utm_content       TEXT,
  utm_term          TEXT,
  ip                TEXT NOT NULL,
  user_agent        TEXT NOT NULL,
  country           TEXT NOT NULL,
  region            TEXT NOT NULL,
  city              TEXT NOT NULL,
  bot               INTEGER NOT NULL,
  sourced           INTEGER NOT NULL, -- whether something brought the visitor: a click id, a UTM value, another site
  consent           TEXT CHECK (consent IN ('granted', 'denied')),
  extra             TEXT NOT NULL -- JSON: fields that the page sent and Edgeway does not know
) STRICT;

-- Which visit is a visitor's first, latest, latest that something brought? Asked for each late _fbp, for a click that
-- names no visit, and by the view below.
CREATE INDEX visits_of_visitor ON visits (temp_id, at_ms);

CREATE TABLE visitors (
  temp_id          TEXT PRIMARY KEY,
  first_seen_ms    INTEGER NOT NULL,
  last_seen_ms     INTEGER NOT NULL,
  external_user_id TEXT,
  fbp              TEXT,
  fbp_at_ms        INTEGER
) STRICT, WITHOUT ROWID;

-- What brought a visitor first, and what last: visits of which something is known beside that they were.
CREATE VIEW touches AS
SELECT
  temp_id,
  (SELECT visit_id FROM visits WHERE temp_id = visitors.temp_id ORDER BY at_ms LIMIT 1) AS first_visit_id,
  (SELECT visit_id FROM visits WHERE temp_id = visitors.temp_id AND sourced ORDER BY at_ms DESC LIMIT 1) AS last_visit_id
FROM visitors;

CREATE TABLE clicks (
  click_id          TEXT PRIMARY KEY,
  at_ms             INTEGER NOT NULL,
  website_id        TEXT NOT NULL,
  temp_id           TEXT NOT NULL,
  client_session_id TEXT NOT NULL,
  visit_id          TEXT,
  channel           TEXT, -- its slug; NULL: none was configured
  invite_link       TEXT, -- NULL: the visitor saw the page that says so
  personal          INTEGER NOT NULL, -- whether the link is this click's own
  attribution       TEXT NOT NULL, -- JSON: what the click itself carried
  ip                TEXT NOT NULL,
  user_agent        TEXT NOT NULL
) STRICT;

-- Which clicks did a visitor make?
CREATE INDEX clicks_of_visitor ON clicks (temp_id, at_ms);
