-- Whose visits and clicks were erased: visitors (temp_id) and clicks (click_id), for as long as the queue may still hold some of them. Both are
-- random, and nothing says whose they were. Times are Unix ms.
CREATE TABLE erased (
  id         TEXT NOT NULL,
  website_id TEXT NOT NULL, -- '': of all sites
  erased_ms  INTEGER NOT NULL, -- what was made up to then is written no more
  PRIMARY KEY (id, website_id)
) STRICT, WITHOUT ROWID;

-- Which are old enough to forget?
CREATE INDEX erased_by_age ON erased (erased_ms);

-- What stands of them goes in the same transaction. The day's counts stay: they name nobody.
CREATE TRIGGER erased_trail AFTER INSERT ON erased BEGIN
  DELETE FROM visits WHERE temp_id = NEW.id AND NEW.website_id IN ('', website_id) AND at_ms <= NEW.erased_ms;
  DELETE FROM clicks WHERE (temp_id = NEW.id OR click_id = NEW.id) AND NEW.website_id IN ('', website_id) AND at_ms <= NEW.erased_ms;
  -- Where no other site knows the browser.
  DELETE FROM visitors WHERE temp_id = NEW.id AND NOT EXISTS (SELECT 1 FROM visits WHERE visits.temp_id = NEW.id);
END;
