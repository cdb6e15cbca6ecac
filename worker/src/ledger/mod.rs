//! Edgeway's own ledger, on D1: what the queue brings is written here, a batch in one transaction.
//!
//! A site is whole in one database, which its setting `database` names: when one is full, or its one primary is busy, the
//! next site gets another. Keys and their idempotency are in the main one.

pub mod conversions;
mod database;
pub mod joins;
mod retention;
pub mod webhooks;

pub use crate::config::DATABASE;
pub use database::{Database, Row, Rows, Statement, Unavailable};
pub use retention::forget;

use crate::config::Config;
use crate::record::{Click, LateFbp, Record, Visit};
use crate::runtime::Env;

/// Writes records of one database, all or none. Writing one a second time changes nothing, and no order is asked for.
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
    let mut statements = Vec::new();
    if !visits.is_empty() {
        statements.push(Statement::new(include_str!("visits.sql"), &visits)?);
        statements.push(Statement::new(include_str!("visitors.sql"), &visits)?);
    }
    if !late.is_empty() {
        statements.push(Statement::new(
            include_str!("late_fbp_visitors.sql"),
            &late,
        )?);
        statements.push(Statement::new(include_str!("late_fbp_visits.sql"), &late)?);
    }
    if !clicks.is_empty() {
        statements.push(Statement::new(include_str!("clicks.sql"), &clicks)?);
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
