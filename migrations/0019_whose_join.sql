-- Whose a join is, where several sites, or channels of one site, lead to one chat: theirs whose click brought the person, else the first's. '' where it
-- was not written down: then it is of every site that has the chat.
ALTER TABLE members ADD COLUMN website_id TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN channel_id TEXT NOT NULL DEFAULT '';

DROP TRIGGER moves_of_new_member;
DROP TRIGGER moves_of_member;
DROP TRIGGER moves_of_erased_member;
ALTER TABLE moves RENAME TO moves_of_chats;

-- Who came and went. A person joins a channel once, and has left it who is out of it now.
CREATE TABLE moves (
  day        INTEGER NOT NULL,
  chat_id    INTEGER NOT NULL,
  website_id TEXT NOT NULL,
  channel_id TEXT NOT NULL,
  source     TEXT NOT NULL,
  campaign   TEXT NOT NULL,
  ad         TEXT NOT NULL,
  joins      INTEGER NOT NULL,
  leaves     INTEGER NOT NULL,
  PRIMARY KEY (day, chat_id, website_id, channel_id, source, campaign, ad)
) STRICT, WITHOUT ROWID;

INSERT INTO moves SELECT day, chat_id, '', '', source, campaign, ad, joins, leaves FROM moves_of_chats;
DROP TABLE moves_of_chats;

-- It follows its rows in the rows' own transaction, whoever writes them: what stood before is taken off, what stands now is added, and what is the same
-- before and after writes nothing.
CREATE TRIGGER moves_of_new_member AFTER INSERT ON members WHEN NEW.first_joined_ms IS NOT NULL BEGIN
  INSERT INTO moves
  SELECT day, NEW.chat_id, NEW.website_id, NEW.channel_id, NEW.origin_source, NEW.origin_campaign, NEW.origin_ad, sum(joins), sum(leaves)
  FROM (
    SELECT NEW.first_joined_ms / 86400000 AS day, 1 AS joins, 0 AS leaves
    UNION ALL
    SELECT NEW.changed_ms / 86400000, 0, 1 WHERE NEW.status <> 'member'
  )
  GROUP BY day
  ON CONFLICT DO UPDATE SET joins = moves.joins + excluded.joins, leaves = moves.leaves + excluded.leaves;
END;

CREATE TRIGGER moves_of_member AFTER UPDATE ON members BEGIN
  INSERT INTO moves
  SELECT day, chat_id, website_id, channel_id, source, campaign, ad, sum(joins), sum(leaves)
  FROM (
    SELECT
      OLD.first_joined_ms / 86400000 AS day, OLD.chat_id AS chat_id, OLD.website_id AS website_id, OLD.channel_id AS channel_id,
      OLD.origin_source AS source, OLD.origin_campaign AS campaign, OLD.origin_ad AS ad, -1 AS joins, 0 AS leaves
    WHERE OLD.first_joined_ms IS NOT NULL
    UNION ALL
    SELECT OLD.changed_ms / 86400000, OLD.chat_id, OLD.website_id, OLD.channel_id, OLD.origin_source, OLD.origin_campaign, OLD.origin_ad, 0, -1
    WHERE OLD.first_joined_ms IS NOT NULL AND OLD.status <> 'member'
    UNION ALL
    SELECT NEW.first_joined_ms / 86400000, NEW.chat_id, NEW.website_id, NEW.channel_id, NEW.origin_source, NEW.origin_campaign, NEW.origin_ad, 1, 0
    WHERE NEW.first_joined_ms IS NOT NULL
    UNION ALL
    SELECT NEW.changed_ms / 86400000, NEW.chat_id, NEW.website_id, NEW.channel_id, NEW.origin_source, NEW.origin_campaign, NEW.origin_ad, 0, 1
    WHERE NEW.first_joined_ms IS NOT NULL AND NEW.status <> 'member'
  )
  GROUP BY 1, 2, 3, 4, 5, 6, 7
  HAVING sum(joins) <> 0 OR sum(leaves) <> 0
  ON CONFLICT DO UPDATE SET joins = moves.joins + excluded.joins, leaves = moves.leaves + excluded.leaves;
END;

CREATE TRIGGER moves_of_erased_member AFTER DELETE ON members WHEN OLD.first_joined_ms IS NOT NULL BEGIN
  INSERT INTO moves
  SELECT day, OLD.chat_id, OLD.website_id, OLD.channel_id, OLD.origin_source, OLD.origin_campaign, OLD.origin_ad, sum(joins), sum(leaves)
  FROM (
    SELECT OLD.first_joined_ms / 86400000 AS day, -1 AS joins, 0 AS leaves
    UNION ALL
    SELECT OLD.changed_ms / 86400000, 0, -1 WHERE OLD.status <> 'member'
  )
  GROUP BY day
  ON CONFLICT DO UPDATE SET joins = moves.joins + excluded.joins, leaves = moves.leaves + excluded.leaves;
END;

-- Who came by a click is told of there. A later conversion may be by the same click, and is of the same site.
UPDATE members SET (website_id, channel_id) = (
  SELECT website_id, channel_id FROM conversions
  WHERE conversions.click_id = members.click_id AND conversions.telegram_user_id = members.telegram_user_id AND source = 'tracker'
  ORDER BY event_ms LIMIT 1
)
WHERE EXISTS (
  SELECT 1 FROM conversions
  WHERE conversions.click_id = members.click_id AND conversions.telegram_user_id = members.telegram_user_id AND source = 'tracker'
);
DELETE FROM moves WHERE joins = 0 AND leaves = 0;
