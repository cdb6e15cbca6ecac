-- Whom a link was made for, or who asked to join by it, and where: Telegram leaves the link out of most joins of public chats, and where
-- somebody comes back.
ALTER TABLE invite_names ADD COLUMN chat_id INTEGER;
ALTER TABLE invite_names ADD COLUMN telegram_user_id INTEGER;

-- By which click was somebody led to a chat whose join bears no link?
CREATE INDEX invite_names_of_user ON invite_names (telegram_user_id, chat_id) WHERE telegram_user_id IS NOT NULL;
