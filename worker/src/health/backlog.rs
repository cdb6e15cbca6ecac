//! What waits: in the queue, in the outbox, for AdTarget.

use js_sys::{Function, Promise, Reflect};
use serde::Serialize;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use crate::config::DATABASE;
use crate::edge::Edge;
use crate::ledger::{Database, Statement, Unavailable};
use crate::outbox;
use crate::tasks::promised;

/// What waits.
#[derive(Debug, Serialize)]
pub struct Backlog {
    /// Visits, clicks and calls that the queue holds, `dead` those it has set aside; none: the platform does not say.
    queue: Option<Waiting>,
    /// Sends to ad platforms, of all sites; none: the ledger does not answer.
    outbox: Option<Waiting>,
    /// Conversions that AdTarget has yet to take; none: the ledger does not answer.
    owed: Option<Waiting>,
}

/// How much waits, and what was given up.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Waiting {
    pending: u64,
    /// Since when the oldest waits, Unix time in ms.
    oldest_at: Option<u64>,
    /// How many were given up: dead sends and conversions that AdTarget refused, in the last seven days; all dead letters of the queue. None: it
    /// is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead: Option<u64>,
    /// Why the latest of them was.
    #[serde(skip)]
    reason: Option<String>,
}

impl Backlog {
    /// What waits; `deliveries` are the outbox's, where they are known.
    pub async fn of(edge: &Edge<'_>, deliveries: Option<&[outbox::Status]>) -> Self {
        // Repeating it does no harm: both read.
        let queue = match metrics(edge, "RECORDS").await {
            Some(waiting) => Some(Waiting {
                // Repeating it does no harm: it reads.
                dead: metrics(edge, "DEAD_RECORDS").await.map(|dead| dead.pending),
                ..waiting
            }),
            None => None,
        };
        let owed = owed(edge).await.ok();
        Self {
            queue,
            outbox: deliveries.map(|deliveries| Waiting {
                pending: deliveries.iter().map(|status| status.pending).sum(),
                oldest_at: deliveries
                    .iter()
                    .filter_map(|status| status.oldest_at)
                    .min(),
                dead: Some(deliveries.iter().map(|status| status.dead).sum()),
                reason: None,
            }),
            owed,
        }
    }

    /// How many messages the queue has set aside, if any.
    pub fn dead_letters(&self) -> Option<u64> {
        self.queue.as_ref()?.dead.filter(|letters| *letters > 0)
    }

    /// How many conversions AdTarget refused that it had been owed, if any, and why the latest, in words for people.
    pub fn refusal(&self) -> Option<String> {
        let owed = self.owed.as_ref()?;
        let count = owed.dead.filter(|count| *count > 0)?;
        let reason = owed.reason.as_deref().unwrap_or_default();
        Some(format!("{count} in seven days, the latest: {reason}"))
    }
}

async fn owed(edge: &Edge<'_>) -> Result<Waiting, Unavailable> {
    let statement = Statement::new(include_str!("owed.sql"), &edge.now_ms)?;
    // Repeating it does no harm: it reads.
    let rows = Database::bound(edge.env, DATABASE)?.ask(statement).await?;
    let number = |column| rows.first().and_then(|row| row.number(column));
    Ok(Waiting {
        pending: number("pending").unwrap_or_default(),
        oldest_at: number("oldest_ms"),
        dead: number("refused"),
        reason: (rows.first()).and_then(|row| row.text("reason").map(str::to_owned)),
    })
}

/// What `metrics()` of a queue's binding says (<https://developers.cloudflare.com/queues/observability/metrics/>).
async fn metrics(edge: &Edge<'_>, binding: &str) -> Option<Waiting> {
    let queue = edge.binding(binding)?;
    let of = |object: &JsValue, name: &str| Reflect::get(object, &JsValue::from_str(name)).ok();
    let metrics: Function = of(&queue, "metrics")?.dyn_into().ok()?;
    let asked: Promise = metrics.call0(&queue).ok()?.dyn_into().ok()?;
    // Repeating it does no harm: it reads.
    let told = promised(&asked).await.ok()?;
    let number = |name| of(&told, name).and_then(|value| milliseconds(&value));
    Some(Waiting {
        pending: number("backlogCount")?,
        oldest_at: number("oldestMessageTimestamp").filter(|at_ms| *at_ms > 0),
        dead: None,
        reason: None,
    })
}

/// A whole number, or a Date's Unix time in ms.
fn milliseconds(value: &JsValue) -> Option<u64> {
    let number = match value.dyn_ref::<js_sys::Date>() {
        Some(date) => date.get_time(),
        None => value.as_f64()?,
    };
    // A float that is no number becomes 0, and one beyond all times the greatest.
    (number.is_finite() && number >= 0.0).then_some(number as u64)
}
