//! Edgeway's own ledger, on D1: what the queue brings is written here, a batch in one transaction.

use serde::Serialize;
use wasm_bindgen::JsValue;
use worker::Env;

use crate::record::{Click, LateFbp, Record, Visit};

/// The database's binding.
pub const DATABASE: &str = "DB";

/// Writes records, all or none. Writing one a second time changes nothing, and no order is asked for.
///
/// # Errors
/// In words for the log; nothing is written then.
pub async fn write(env: &Env, records: &[Record]) -> Result<(), String> {
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
    let database = env.d1(DATABASE).map_err(|error| error.to_string())?;
    let mut statements = Vec::new();
    let mut add = |sql: &str, rows: String| {
        database
            .prepare(sql)
            .bind(&[JsValue::from_str(&rows)])
            .map(|statement| statements.push(statement))
            .map_err(|error| error.to_string())
    };
    if !visits.is_empty() {
        let rows = json(&visits)?;
        add(include_str!("visits.sql"), rows.clone())?;
        add(include_str!("visitors.sql"), rows)?;
    }
    if !late.is_empty() {
        let rows = json(&late)?;
        add(include_str!("late_fbp_visitors.sql"), rows.clone())?;
        add(include_str!("late_fbp_visits.sql"), rows)?;
    }
    if !clicks.is_empty() {
        add(include_str!("clicks.sql"), json(&clicks)?)?;
    }
    if statements.is_empty() {
        return Ok(());
    }
    // A batch is one transaction: had it been cut off, nothing of it would stand.
    let results = database
        .batch(statements)
        .await
        .map_err(|error| error.to_string())?;
    match results.iter().find(|result| !result.success()) {
        Some(failed) => Err(failed.error().unwrap_or_else(|| "unknown error".to_owned())),
        None => Ok(()),
    }
}

/// Whether the ledger answers.
///
/// # Errors
/// In words for the log.
pub async fn probe(env: &Env) -> Result<(), String> {
    let database = env.d1(DATABASE).map_err(|error| error.to_string())?;
    let statement =
        database.prepare("SELECT count(*) AS visits FROM (SELECT 1 FROM visits LIMIT 1)");
    statement
        .first::<i32>(Some("visits"))
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

fn json(rows: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(rows).map_err(|error| error.to_string())
}
