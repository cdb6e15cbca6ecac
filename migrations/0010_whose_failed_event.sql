-- Whose a webhook event is that made no conversion, as far as it says: for when that person is to be erased.
ALTER TABLE webhook_events ADD COLUMN telegram_user_id INTEGER;

-- Which are of a person that is to be erased?
CREATE INDEX webhook_events_of_user ON webhook_events (telegram_user_id) WHERE telegram_user_id IS NOT NULL;
