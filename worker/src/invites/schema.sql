-- The links of one channel, and where its pool stands. Times are Unix ms unless they say s.

CREATE TABLE IF NOT EXISTS links (
  name       TEXT PRIMARY KEY, -- the link's name at Telegram: the id of the click that gets it
  url        TEXT NOT NULL,
  by_request INTEGER NOT NULL,
  expires_s  INTEGER NOT NULL, -- as Telegram was told
  over_ms    INTEGER NOT NULL, -- when to revoke it: its wait or its life is over, or someone took its seat
  event_id   TEXT UNIQUE       -- whom it was handed out to; NULL: ready
) STRICT, WITHOUT ROWID;

-- Which are ready?
CREATE INDEX IF NOT EXISTS links_ready ON links (by_request, over_ms) WHERE event_id IS NULL;
-- Which is to be revoked next?
CREATE INDEX IF NOT EXISTS links_by_end ON links (over_ms);

CREATE TABLE IF NOT EXISTS pool (
  only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
  channel   TEXT NOT NULL, -- whose: the bot's username, a colon, the chat's id
  resume_ms INTEGER NOT NULL, -- no call before
  failures  INTEGER NOT NULL, -- since a call went well
  error     TEXT -- of the last call; NULL: it went well
) STRICT;

-- Has a row where Telegram refused the last call. By itself, so that it is made for pools that are there already, and a worker of old, which
-- knows `pool` by its places, still runs on them.
CREATE TABLE IF NOT EXISTS refusal (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1)
) STRICT;
