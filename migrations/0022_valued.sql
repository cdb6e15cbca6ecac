-- When the value of a Purchase came that was told without it, Unix ms: platforms are owed it from then on. NULL: from when it was told.
ALTER TABLE conversions ADD COLUMN valued_ms INTEGER;
