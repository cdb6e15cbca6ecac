//! Edgeway's own ledger, on D1: what the queue brings is written here, a batch in one transaction.

mod database;

pub use database::{Database, Rows, Statement, Unavailable};

use worker::Env;

use crate::record::{Click, LateFbp, Record, Visit};

/// The database's binding.
pub const DATABASE: &str = "DB";

/// Writes records, all or none. Writing one a second time changes nothing, and no order is asked for.
///
/// # Errors
/// The database's; nothing is written then.
pub async fn write(env: &Env, records: &[Record]) -> Result<(), Unavailable> {
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
    Database::bound(env, DATABASE)?
        .transact(&statements)
        .await?;
    Ok(())
}

/// Whether the ledger answers.
///
/// # Errors
/// The database's.
pub async fn probe(env: &Env) -> Result<(), Unavailable> {
    let database = Database::bound(env, DATABASE)?;
    let rows = database.rows::<serde_json::Value>("SELECT 1 FROM visits WHERE ?1 LIMIT 1", &true);
    rows.await.map(drop)
}
