//! What signed webhooks brought of late that came to nothing.

use crate::edge::Edge;
use crate::ledger::{Database, Statement, Unavailable};

/// Events of one source that make no conversion as they are.
#[derive(Debug)]
pub struct FailedEvents {
    /// The site's public id.
    pub website_id: String,
    /// The source's name.
    pub source: String,
    /// How many, and why the latest of them, in words for people.
    pub why: String,
}

/// Those of the last day, of all sources in the settings.
///
/// # Errors
/// A database's.
pub async fn failed_events(edge: &Edge<'_>) -> Result<Vec<FailedEvents>, Unavailable> {
    let mut failed = Vec::new();
    if edge.config.webhooks.is_empty() {
        return Ok(failed);
    }
    for binding in edge.config.databases() {
        let statement = Statement::new(include_str!("failed_events.sql"), &edge.now_ms)?;
        // Repeating it does no harm: it reads.
        for row in Database::bound(edge.env, binding)?.ask(statement).await? {
            let name = row.text("source").unwrap_or_default();
            let mut sources = edge.config.webhooks.iter();
            // A source that is in no setting any more is nobody's to mend.
            let Some(source) = sources.find(|source| source.name == name) else {
                continue;
            };
            let count = row.number("count").unwrap_or_default();
            let reason = row.text("reason").unwrap_or_default();
            failed.push(FailedEvents {
                website_id: source.website_id.clone(),
                source: source.name.clone(),
                why: format!("{count} in a day, the latest: {reason}"),
            });
        }
    }
    Ok(failed)
}
