//! The outbox: deliveries of conversions to ad platforms, and what became of each.
//!
//! A delivery is a *send*: a row, written in the transaction of its conversion, one a destination ([`SCHEDULE`]). The queue
//! carries no more than the name of a site for which something is due ([`ring`]): what is due, the rows say. Whoever
//! takes up a site ([`drain`]) claims rows by a lease, sends them as one request, and writes down what came of it; a
//! sweeper ([`sweep`]) finds what was left lying when a lease ran out, a message got lost, or nothing was rung.
//!
//! | state | is |
//! |---|---|
//! | `pending` | to be tried, or being tried |
//! | `sent` | the platform has it |
//! | `skipped` | it can't be sent there; known before anything was sent |
//! | `rejected` | the platform refuses it as it is |
//! | `dead` | all attempts came to nothing; it can be replayed |
//!
//! **Later**: Google Ads takes a request and tells only after a while what of it counts. Its sends are `sent`, of the code `TAKEN`, until the
//! sweeper has asked ([`verdicts`]).
//!
//! **Once**: a request whose answer got lost is made again, under the same event id, by which every platform knows it for
//! about 48 hours. So all attempts end before that ([`GIVE_UP_MS`]).
//!
//! **Together**: what is due for a destination goes in one request, as many as the platform takes. A batch that is refused
//! is halved, row by row of the table and not in memory, until the one at fault stands alone; so is one that fails again and
//! again, since too many events, or one of them, may be why. A platform that takes one event a request gets many requests at
//! once, claimed and settled together.
//!
//! **Circuit**: a destination that fails a few times in a row is left alone for a while; then one send goes ahead, and the
//! others follow when it is taken.

mod attempt;
mod claim;
mod forecast;
mod log;
mod state;
mod verdicts;

use crate::runtime::Env;
use async_lock::Semaphore;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;

use crate::allowance::Allowance;
use crate::config::{Config, Site};
use crate::destinations;
use crate::edge;
use crate::ledger::{Database, GIVE_UP_MS, Row, Statement, Unavailable};
use crate::message::{LONGEST_DELAY_S, Message};
use crate::runtime::{self, CONNECTIONS};

pub use attempt::{NO_ANSWER, tell};
pub use forecast::{Forecast, Scheduled, forecast};
pub use log::{
    Filter, MatchQuality, Refusal, Replayed, Send, Status, list, match_quality, refusals, replay,
    statuses,
};
pub use state::State;

/// How many claims one drain makes at most for a destination; the next one goes on.
const ROUNDS: usize = 10;

/// A destination as SQL reads it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Addressee<'a> {
    website_id: &'a str,
    name: &'a str,
    platform: &'static str,
}

/// All destinations, for the parameter `destinations` of [`SCHEDULE`].
pub fn addressees(env: &Env) -> Vec<Addressee<'static>> {
    let all = destinations(env).all();
    let addressees = all.map(|(website_id, destination)| Addressee {
        website_id,
        name: &destination.name,
        platform: destination.account.platform().as_str(),
    });
    addressees.collect()
}

/// The statement that owes a conversion to the destinations of its site. Its parameter has `conversionId`,
/// `telegramUserId`, `toldMs`, `giveUpMs` ([`GIVE_UP_MS`]), `destinations`, and where another may have told of the same Purchase, what a Purchase is
/// known by.
pub const SCHEDULE: &str = include_str!("schedule.sql");

/// Says, once the answer is given, that something is due for a site. Where that gets lost, the sweeper finds it.
pub fn ring(edge: &edge::Edge<'_>, website_id: &str) {
    if !destinations(edge.env).of(website_id).is_empty() {
        edge.keep(&Message::Outbox(website_id.to_owned()));
    }
}

/// Says it at once, where there is no answer that it could come after.
pub async fn ring_now(env: &Env, website_id: &str) {
    if !destinations(env).of(website_id).is_empty() {
        // Repeating it does no harm: who comes second finds nothing due.
        ring_at(env, website_id, 0, 0).await;
    }
}

/// Says when something will be due for a site; `at_ms` is Unix time in ms.
pub async fn ring_at(env: &Env, website_id: &str, at_ms: u64, now_ms: u64) {
    let delay_s = at_ms.saturating_sub(now_ms).div_ceil(1_000);
    let delay_s = u32::try_from(delay_s).unwrap_or(LONGEST_DELAY_S);
    // Repeating it does no harm: who comes second finds nothing due.
    if let Err(why) = edge::enqueue(env, &Message::Outbox(website_id.to_owned()), delay_s).await {
        runtime::log_warning(&format!("the outbox of {website_id}: the queue: {why}"));
    }
}

/// Delivers what is due of a site, as far as `allowance` reaches. Gives when something has to be tried next, Unix time in ms, as far as this drain
/// knows.
///
/// # Errors
/// The ledger's. What was sent and could not be written down is sent again when its lease is over.
pub async fn drain(
    env: &Env,
    site: &Site,
    allowance: &Allowance,
) -> Result<Option<u64>, Unavailable> {
    let database = Database::bound(env, site.database())?;
    let connections = Semaphore::new(CONNECTIONS);
    let drains = destinations(env)
        .of(&site.website_id)
        .iter()
        .map(|destination| {
            let attempt = attempt::Attempt {
                env,
                database: &database,
                website_id: &site.website_id,
                destination,
                connections: &connections,
                allowance,
            };
            async move {
                let mut next_ms = None;
                for _ in 0..ROUNDS {
                    // Repeating it does no harm: what another has claimed is not due, and the platform knows an event by its id.
                    match attempt.run().await? {
                        attempt::Progress::Idle(until_ms) => return Ok(until_ms.or(next_ms)),
                        attempt::Progress::Made(again_ms) => {
                            next_ms = [next_ms, again_ms].into_iter().flatten().min();
                        }
                        attempt::Progress::Spent => break,
                    }
                }
                Ok(Some(runtime::now_ms()))
            }
        });
    let next: Vec<Result<Option<u64>, Unavailable>> = futures_util::stream::iter(drains)
        .buffer_unordered(CONNECTIONS)
        .collect()
        // Repeating it does no harm: see above.
        .await;
    let next: Vec<Option<u64>> = next.into_iter().collect::<Result<_, _>>()?;
    Ok(next.into_iter().flatten().min())
}

/// Takes up what was left lying, of all sites, as far as `allowance` reaches, and rings for the rest. Where a database fails, the log has why, and the
/// others are swept all the same.
pub async fn sweep(env: &Env, config: &Config, allowance: &Allowance, now_ms: u64) {
    for binding in config.databases() {
        // Repeating it does no harm: see `drain`.
        if let Err(why) = sweep_one(env, config, binding, allowance, now_ms).await {
            runtime::log_error(&format!("sweeping the outbox of {binding}: {why}"));
        }
    }
}

/// Asks the platforms that tell it later what became of what they took, of all sites, as far as `allowance` reaches. What fails is logged, and asked
/// again.
pub async fn inquire(env: &Env, config: &Config, allowance: &Allowance, now_ms: u64) {
    for binding in config.databases() {
        // Repeating it does no harm: it asks, and what was told is written down once.
        if let Err(why) = verdicts::inquire(env, binding, allowance, now_ms).await {
            runtime::log_error(&format!("asking what became of sends of {binding}: {why}"));
        }
    }
}

async fn sweep_one(
    env: &Env,
    config: &Config,
    binding: &str,
    allowance: &Allowance,
    now_ms: u64,
) -> Result<(), Unavailable> {
    let database = Database::bound(env, binding)?;
    let asked = json!({ "nowMs": now_ms, "expiredMs": now_ms.saturating_sub(GIVE_UP_MS) });
    let statements = [
        Statement::new(include_str!("expire.sql"), &asked)?,
        Statement::new(include_str!("due.sql"), &asked)?,
    ];
    // Repeating it does no harm: what is dead stays so, and the rest reads.
    let rows = database.transact(&statements).await?;
    let due: Vec<Row> = rows.last().map_or(Ok(Vec::new()), |rows| rows.read())?;
    for row in due {
        let site = row.text("website_id").and_then(|id| config.site(id));
        if let Some(site) = site {
            // Repeating it does no harm: see `drain`.
            let next_ms = drain(env, site, allowance).await?;
            if let Some(next_ms) = next_ms {
                // Repeating it does no harm: who comes second finds nothing due.
                ring_at(env, &site.website_id, next_ms, runtime::now_ms()).await;
            }
        }
    }
    Ok(())
}
