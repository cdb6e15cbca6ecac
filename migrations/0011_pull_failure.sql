-- Why what AdStat's ads cost does not come, and since when (Unix ms); no row: it comes.
CREATE TABLE pull_failure (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  since_ms INTEGER NOT NULL,
  why      TEXT NOT NULL
) STRICT;
