-- What did a Telegram user do, in all channels?
CREATE INDEX members_of_user ON members (telegram_user_id);
