-- By which browser (temp_id) somebody joined, once their click is forgotten: who is told of by it then is still known. NULL: the click says it.
ALTER TABLE conversions ADD COLUMN joined_by TEXT;

-- Who joined by a browser?
CREATE INDEX conversions_of_visitor ON conversions (joined_by) WHERE joined_by IS NOT NULL;

DROP TRIGGER erased_trail;

-- What stands of them goes in the same transaction. The day's counts stay: they name nobody.
CREATE TRIGGER erased_trail AFTER INSERT ON erased BEGIN
  DELETE FROM visits WHERE temp_id = NEW.id AND NEW.website_id IN ('', website_id) AND at_ms <= NEW.erased_ms;
  DELETE FROM clicks WHERE (temp_id = NEW.id OR click_id = NEW.id) AND NEW.website_id IN ('', website_id) AND at_ms <= NEW.erased_ms;
  UPDATE conversions SET joined_by = NULL WHERE joined_by = NEW.id AND NEW.website_id IN ('', website_id) AND attributed_ms <= NEW.erased_ms;
  -- Where no other site knows the browser.
  DELETE FROM visitors WHERE temp_id = NEW.id AND NOT EXISTS (SELECT 1 FROM visits WHERE visits.temp_id = NEW.id);
END;
