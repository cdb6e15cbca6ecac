-- Under which id a Purchase was told without its value, where it was: once it has its value, another telling without one is another sale. NULL: it came with its value,
-- and who tells of it without one tells of this sale.
ALTER TABLE conversions ADD COLUMN awaited_by TEXT;

UPDATE conversions SET awaited_by = conversion_id WHERE awaits_value;
