//! `webhook-events/…`: what signed webhooks brought and what came of it, and another attempt at what failed.

use serde_json::{Value, json};

use super::Call;
use crate::answer::Answer;
use crate::edge::Edge;
use crate::error::Error;
use crate::hooks::signed;
use crate::ledger::Row;
use crate::ledger::webhooks::{self as events, Filter, Status};

/// How many events a page has at most.
const LONGEST_PAGE: u64 = 100;

impl Call<'_> {
    /// The names of the sources that the key may see.
    pub(super) fn visible_sources(&self) -> impl Iterator<Item = &str> {
        let own = self.holder.website_id.as_deref();
        let sources = self.edge.config.webhooks.iter();
        sources
            .filter(move |source| own.is_none_or(|own| source.website_id == own))
            .map(|source| source.name.as_str())
    }
}

/// What a call asks to see.
#[inline(never)]
fn filter(call: &Call<'_>) -> Result<Filter, Error> {
    let asked = |name| call.edge.caller.parameter(name);
    let status = match asked("status") {
        Some(name) => Some(
            Status::parse(&name)
                .ok_or_else(|| Error::field("status", "expected converted, failed or ignored"))?,
        ),
        None => None,
    };
    let mut visible = call.visible_sources();
    let sources = match asked("source") {
        Some(named) if visible.any(|source| source == named) => Some(vec![named]),
        Some(_) => return Err(Error::field("source", "no such source")),
        // What came of a source that is in no setting any more is the account's.
        None => (call.holder.website_id.is_some()).then(|| visible.map(str::to_owned).collect()),
    };
    Ok(Filter {
        status,
        sources,
        before_ms: call.asked_time("before")?,
        limit: call.asked_limit(LONGEST_PAGE)?,
    })
}

/// `GET webhook-events`: the latest first. Of a key of one site, those of its site's sources.
pub async fn list(call: &Call<'_>) -> Result<Answer, Error> {
    let Edge { env, config, .. } = *call.edge;
    let filter = filter(call)?;
    let rows = events::list(env, config, &filter).await?;
    let events: Vec<Value> = rows.iter().map(shown).collect();
    Ok(Answer::json(200, &json!({ "events": events })))
}

#[inline(never)]
fn shown(row: &Row) -> Value {
    let mut shown = row.renamed(&[
        ("source", "source"),
        ("event_id", "eventId"),
        ("at_ms", "receivedAt"),
        ("status", "status"),
        ("reason", "reason"),
        ("conversion_id", "conversionId"),
    ]);
    let payload = row.text("payload");
    if let Some(payload) = payload.and_then(|text| webhooks::payload(text.as_bytes())) {
        shown.insert("payload".to_owned(), payload);
    }
    shown.into()
}

/// `POST webhook-events/{source}/{eventId}/replay`: tries an event that failed again.
pub async fn replay(call: &Call<'_>, source: &str, event_id: &str) -> Result<Answer, Error> {
    if !call.visible_sources().any(|visible| visible == source) {
        return Err(Error::NotFound);
    }
    let event_id = js_sys::decode_uri_component(event_id).map_err(|_| Error::NotFound)?;
    let event_id = String::from(event_id);
    // Repeating it does no harm: the same conversion id is the same conversion.
    let outcome = signed::replay(call.edge.env, call.edge.config, source, &event_id).await?;
    Ok(Answer::json(200, &outcome))
}
