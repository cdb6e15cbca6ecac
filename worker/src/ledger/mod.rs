//! Edgeway's own ledger, on D1: what the queue brings is written here, a batch in one transaction.
//!
//! A site is whole in one database, which its setting `database` names: when one is full, or its one primary is busy, the
//! next site gets another. Keys and their idempotency are in the main one.

mod database;
mod retention;
pub mod webhooks;

pub use crate::config::DATABASE;
pub use database::{Database, Row, Rows, Statement, Unavailable};
pub use retention::forget;

use serde::Serialize;

use crate::config::Config;
use crate::ids::{ClickId, EventId, TempId};
use crate::record::{Click, LateFbp, Record, Visit};
use crate::runtime::{self, Env, HOUR_MS};

/// How long a send is tried, in ms. Platforms deduplicate for 48 hours (Meta, TikTok, Snapchat, "deduplication").
pub const GIVE_UP_MS: u64 = 47 * HOUR_MS;

/// Keeps the day's counts of visits and clicks.
const TRAFFIC: &str = concat!(include_str!("touched.sql"), include_str!("traffic.sql"));

/// Write what stands of some records.
const VISITS: &str = concat!(include_str!("standing.sql"), include_str!("visits.sql"));
const VISITORS: &str = concat!(include_str!("standing.sql"), include_str!("visitors.sql"));
const CLICKS: &str = concat!(include_str!("standing.sql"), include_str!("clicks.sql"));
const LATE_FBP_VISITORS: &str = concat!(
    include_str!("standing.sql"),
    include_str!("late_fbp_visitors.sql")
);

/// What follows for joins and conversions whose clicks, or their visits, come after them: where they came from, and what is sent of them.
const AFTER_TRAFFIC: [&str; 3] = [
    concat!(
        include_str!("touched.sql"),
        include_str!("origins/members.sql")
    ),
    concat!(
        include_str!("touched.sql"),
        include_str!("origins/conversions.sql")
    ),
    concat!(
        include_str!("touched.sql"),
        include_str!("revived_sends.sql")
    ),
];

/// What is counted, and whether it is added (1) or taken off (-1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counted<'a> {
    visits: &'a [CountedVisit],
    clicks: &'a [&'a ClickId],
    sign: i8,
    now_ms: u64,
    give_up_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CountedVisit {
    visit_id: EventId,
    temp_id: TempId,
    at_ms: u64,
}

impl Visit {
    fn counted(&self) -> CountedVisit {
        CountedVisit {
            visit_id: self.visit_id,
            temp_id: self.temp_id,
            at_ms: self.at_ms,
        }
    }
}

/// Writes records of one database, all or none. Writing one a second time changes nothing, and no order is asked for. What
/// was made before its person was erased is dropped.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn write(database: &Database, records: &[&Record]) -> Result<(), Unavailable> {
    let mut visits: Vec<&Visit> = Vec::new();
    let mut late: Vec<&LateFbp> = Vec::new();
    let mut clicks: Vec<&Click> = Vec::new();
    for record in records {
        match record {
            Record::Visit(visit) => visits.push(visit),
            Record::LateFbp(fbp) => late.push(fbp),
            Record::Click(click) => clicks.push(click),
        }
    }
    let counted_visits: Vec<_> = visits.iter().map(|visit| visit.counted()).collect();
    let counted_clicks: Vec<_> = clicks.iter().map(|click| &click.click_id).collect();
    let now_ms = runtime::now_ms();
    let counted = |sql, sign| {
        let (visits, clicks) = (&counted_visits, &counted_clicks);
        Statement::new(
            sql,
            &Counted {
                visits,
                clicks,
                sign,
                now_ms,
                give_up_ms: GIVE_UP_MS,
            },
        )
    };
    let has_counted = !visits.is_empty() || !clicks.is_empty();
    let mut statements = Vec::new();
    if !clicks.is_empty() {
        statements.push(Statement::new(include_str!("erased_clicks.sql"), &clicks)?);
    }
    if has_counted {
        statements.push(counted(TRAFFIC, -1)?);
    }
    if !visits.is_empty() {
        statements.push(Statement::new(VISITS, &visits)?);
        statements.push(Statement::new(VISITORS, &visits)?);
    }
    if !late.is_empty() {
        statements.push(Statement::new(LATE_FBP_VISITORS, &late)?);
        statements.push(Statement::new(include_str!("late_fbp_visits.sql"), &late)?);
    }
    if !clicks.is_empty() {
        statements.push(Statement::new(CLICKS, &clicks)?);
    }
    if has_counted {
        statements.push(counted(TRAFFIC, 1)?);
        for sql in AFTER_TRAFFIC {
            statements.push(counted(sql, 1)?);
        }
    }
    if statements.is_empty() {
        return Ok(());
    }
    // One transaction: had it been cut off, nothing of it would stand.
    database.transact(&statements).await?;
    Ok(())
}

/// Whether the ledger answers, each database of it.
///
/// # Errors
/// The database's.
pub async fn probe(env: &Env, config: &Config) -> Result<(), Unavailable> {
    for binding in config.databases() {
        let database = Database::bound(env, binding)?;
        let rows =
            database.rows::<serde_json::Value>("SELECT 1 FROM visits WHERE ?1 LIMIT 1", &true);
        rows.await?;
    }
    Ok(())
}
