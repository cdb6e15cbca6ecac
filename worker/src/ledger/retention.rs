//! What is forgotten, and when.

use serde::de::IgnoredAny;
use serde_json::json;

use super::{Database, GIVE_UP_MS, Rows, Statement, Unavailable, webhooks};
use crate::runtime::{DAY_MS, HOUR_MS};

/// How long it is remembered which visitors were erased, in ms: a record is tried for about four days, kept as a dead letter for 14, and may
/// be taken up again then.
const ERASED_MS: u64 = 30 * DAY_MS;
/// How long at least a send is kept, in ms: for as long as it might be owed it says that it was made.
const SENDS_MS: u64 = GIVE_UP_MS + DAY_MS;
/// How long at least what a webhook brought is kept, in ms: a sale waits for its visitor, and a day more, in which it is looked at.
const WEBHOOK_EVENTS_MS: u64 = webhooks::WAITS_MS + DAY_MS;
/// How much one statement deletes at most: D1 cuts off those that take long.
const CHUNK: u32 = 2_000;
/// How many chunks one run deletes at most of each table, of all databases together: the next run goes on.
const CHUNKS: usize = 20;

/// What is deleted: rows older than a number of ms, and how. The last statement gives a row for each that it deleted.
struct Rule {
    keeps_ms: u64,
    sql: &'static [&'static str],
}

/// The rules; `visits_ms` is how long visits and clicks are kept, and what else is not owed for longer, `links_ms` how long an invite link can be used.
/// Telegram and senders of webhooks repeat for a day or a few: what is remembered for telling a repetition goes after that.
fn rules(visits_ms: u64, links_ms: u64) -> [Rule; 10] {
    [
        // Visits, clicks and sends come in the order of their times, nearly: the first rows are the oldest.
        Rule {
            keeps_ms: visits_ms,
            sql: &[
                concat!(
                    "WITH gone AS (
                        SELECT temp_id FROM visits WHERE consent IS NOT NULL AND at_ms < ?1 ->> 'before' AND rowid IN (
                            SELECT rowid FROM visits ORDER BY rowid LIMIT ?1 ->> 'limit')
                    ),
                    theirs AS (
                        SELECT click_id, temp_id FROM clicks WHERE temp_id IN (SELECT temp_id FROM gone)
                        UNION
                        SELECT click_id, joined_by FROM conversions WHERE joined_by IN (SELECT temp_id FROM gone)
                    )",
                    include_str!("page_consent.sql")
                ),
                "DELETE FROM visitors WHERE last_seen_ms < ?1 ->> 'before' AND temp_id IN (
                    SELECT temp_id FROM visits ORDER BY rowid LIMIT ?1 ->> 'limit')",
                "DELETE FROM visits WHERE at_ms < ?1 ->> 'before' AND rowid IN (
                    SELECT rowid FROM visits ORDER BY rowid LIMIT ?1 ->> 'limit') RETURNING 1",
            ],
        },
        // Whom no visit leads to: a late `_fbp` makes a visitor look younger than the last visit, and may come without one. They are found by
        // looking into any part of the table each time.
        Rule {
            keeps_ms: visits_ms,
            sql: &["DELETE FROM visitors WHERE last_seen_ms < ?1 ->> 'before' AND temp_id IN (
                SELECT temp_id FROM visitors WHERE temp_id >= lower(hex(randomblob(4))) ORDER BY temp_id LIMIT ?1 ->> 'limit') RETURNING 1"],
        },
        Rule {
            keeps_ms: visits_ms,
            sql: &[
                // Who joined by one stays known by their browser.
                include_str!("joined_by.sql"),
                concat!(
                    "WITH theirs AS (
                        SELECT click_id, temp_id FROM clicks WHERE at_ms < ?1 ->> 'before' AND rowid IN (
                            SELECT rowid FROM clicks ORDER BY rowid LIMIT ?1 ->> 'limit')
                    )",
                    include_str!("page_consent.sql")
                ),
                "DELETE FROM clicks WHERE at_ms < ?1 ->> 'before' AND rowid IN (
                    SELECT rowid FROM clicks ORDER BY rowid LIMIT ?1 ->> 'limit') RETURNING 1",
            ],
        },
        Rule {
            keeps_ms: visits_ms.max(SENDS_MS),
            sql: &[
                "DELETE FROM sends WHERE made_ms < ?1 ->> 'before' AND state <> 'pending' AND rowid IN (
                    SELECT rowid FROM sends ORDER BY rowid LIMIT ?1 ->> 'limit') RETURNING 1",
            ],
        },
        Rule {
            // Without its name, a join by a link that a click's stands for would be taken for one by a click of the link's own id.
            keeps_ms: visits_ms.max(links_ms),
            sql: &["DELETE FROM invite_names WHERE name IN (
                SELECT name FROM invite_names WHERE at_ms < ?1 ->> 'before' LIMIT ?1 ->> 'limit') RETURNING 1"],
        },
        Rule {
            keeps_ms: visits_ms.max(WEBHOOK_EVENTS_MS),
            sql: &["DELETE FROM webhook_events WHERE (source, event_id) IN (
                SELECT source, event_id FROM webhook_events WHERE at_ms < ?1 ->> 'before' LIMIT ?1 ->> 'limit') RETURNING 1"],
        },
        Rule {
            keeps_ms: visits_ms,
            sql: &["DELETE FROM owed_conversions WHERE conversion_id IN (
                SELECT conversion_id FROM owed_conversions WHERE status IN ('delivered', 'refused') AND tried_ms < ?1 ->> 'before' LIMIT ?1 ->> 'limit') RETURNING 1"],
        },
        Rule {
            keeps_ms: 7 * DAY_MS,
            sql: &["DELETE FROM telegram_updates WHERE (bot, update_id) IN (
                SELECT bot, update_id FROM telegram_updates WHERE at_ms < ?1 ->> 'before' LIMIT ?1 ->> 'limit') RETURNING 1"],
        },
        Rule {
            keeps_ms: ERASED_MS,
            sql: &["DELETE FROM erased WHERE (id, website_id) IN (
                SELECT id, website_id FROM erased WHERE erased_ms < ?1 ->> 'before' LIMIT ?1 ->> 'limit') RETURNING 1"],
        },
        Rule {
            keeps_ms: 24 * HOUR_MS,
            sql: &["DELETE FROM idempotency WHERE (key_prefix, idempotency_key) IN (
                SELECT key_prefix, idempotency_key FROM idempotency WHERE at_ms < ?1 ->> 'before' LIMIT ?1 ->> 'limit') RETURNING 1"],
        },
    ]
}

/// Forgets what is old. `days` is how long visits are kept, `links_ms` how long an invite link can be used after it was handed out, `databases` how
/// many there are to be swept.
///
/// # Errors
/// The database's; what was deleted before stays deleted, and the next run goes on.
pub async fn forget(
    database: &Database,
    now_ms: u64,
    days: u32,
    links_ms: u64,
    databases: usize,
) -> Result<(), Unavailable> {
    let chunks = CHUNKS.div_ceil(databases.max(1));
    for Rule { keeps_ms, sql } in rules(u64::from(days) * DAY_MS, links_ms) {
        let parameter = json!({ "before": now_ms.saturating_sub(keeps_ms), "limit": CHUNK });
        for _ in 0..chunks {
            let statements = sql
                .iter()
                .map(|sql| Statement::new(sql, &parameter))
                .collect::<Result<Vec<_>, _>>()?;
            // Repeating it does no harm: what is gone is gone.
            let results = database.transact(&statements).await?;
            let gone = results
                .last()
                .map_or(Ok(Vec::new()), Rows::read::<IgnoredAny>)?
                .len();
            if gone < CHUNK as usize {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_retention_forgets_nothing_that_is_still_owed() {
        let kept_ms = |table: &str| {
            let rules = rules(DAY_MS, HOUR_MS);
            let deletes = ["DELETE FROM ", table, " "].concat();
            let of_table = rules
                .iter()
                .filter(|rule| rule.sql.iter().any(|sql| sql.contains(&deletes)));
            of_table.map(|rule| rule.keeps_ms).min()
        };
        assert_eq!(kept_ms("visits"), Some(DAY_MS));
        assert!(kept_ms("sends").is_some_and(|kept_ms| kept_ms > GIVE_UP_MS));
        assert!(kept_ms("webhook_events").is_some_and(|kept_ms| kept_ms > webhooks::WAITS_MS));
    }
}
