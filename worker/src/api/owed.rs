//! Conversions that were accepted while AdTarget was away: a row first, then the queue, then AdTarget, once. Where the
//! queue was away, too, [`sweep`] finds the row.
//!
//! The row holds what was told less `pii`: raw names, addresses and numbers live in memory alone. So a conversion that
//! was owed reaches AdTarget without them, and its caller is told so.

use conversions::{ConversionId, TelegramUserId};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Value, json};

use super::Call;
use super::hosted::{Outcome, Upstream};
use crate::answer::Answer;
use crate::api::events::Accepted;
use crate::config::{AdTarget, Backend, Config};
use crate::error::Error;
use crate::ledger::conversions::{NewConversion, age_warning};
use crate::ledger::{DATABASE, Database, Row, Statement, Unavailable};
use crate::message::Message;
use crate::runtime::{self, Env};
use crate::track::fields::Fields;

/// A conversion that AdTarget is to be told of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Debt<'a> {
    /// Its id here, and AdTarget's Idempotency-Key on every attempt.
    pub conversion_id: ConversionId,
    /// Whose it is.
    pub telegram_user_id: TelegramUserId,
    /// The site that told it, where one did.
    pub website_id: Option<&'a str>,
    /// When, Unix time in ms.
    pub now_ms: u64,
    /// Behind `/api/v1/`.
    pub path: &'a str,
    /// JSON without `pii`.
    pub body: &'a str,
}

impl Debt<'_> {
    /// Writes it down. It gives a row where it was not owed or delivered before.
    pub(crate) fn statement(&self) -> Result<Statement, Unavailable> {
        Statement::new(include_str!("owe.sql"), self)
    }
}

/// Accepts a conversion that AdTarget can't take now: 202, under the id it has here.
///
/// # Errors
/// `BAD_GATEWAY`: the ledger can't take it either.
pub(super) async fn accept(
    call: &Call<'_>,
    new: &NewConversion,
    target: &str,
    told: &Fields<'_>,
    retry_after: &str,
) -> Result<Answer, Error> {
    let row = Debt {
        conversion_id: new.conversion_id,
        telegram_user_id: new.telegram_user_id,
        website_id: call.holder.website_id.as_deref(),
        now_ms: call.edge.now_ms,
        path: target,
        body: &kept_body(told, new.event_ms),
    };
    let kept = match Database::bound(call.edge.env, DATABASE) {
        // Repeating it does no harm: a row that stands is not written again.
        Ok(database) => match row.statement() {
            Ok(statement) => database.ask(statement).await,
            Err(why) => Err(why),
        },
        Err(why) => Err(why),
    };
    if let Err(why) = kept {
        runtime::log_error(&format!("an owed conversion: the ledger: {why}"));
        return Err(Error::AdTargetAway(
            "AdTarget does not answer, and the conversion could not be kept; come back later",
        ));
    }
    call.edge.keep_later(
        &Message::Owed(new.conversion_id),
        retry_after.parse().unwrap_or(0),
    );
    let mut warning = "AdTarget is away: the conversion is kept and goes there later".to_owned();
    if told.object("pii")?.is_some() {
        warning.push_str(", without pii");
    }
    if let Some(age) = age_warning(new.event_ms, new.told_ms) {
        warning.push_str("; ");
        warning.push_str(&age);
    }
    Ok(Answer::json(
        202,
        &Accepted {
            conversion_id: new.conversion_id,
            capi_status: "pending",
            cold_lead: false,
            dispatched: false,
            warning: Some(warning),
            sends: Vec::new(),
        },
    ))
}

/// The body as it is kept: without `pii`, and with the time it happened, which is no later for the wait.
fn kept_body(told: &Fields<'_>, event_ms: u64) -> String {
    // As they were written: a number keeps its digits.
    let mut body = format!("{{\"eventTime\":{event_ms}");
    for (name, value) in told.others(|name| matches!(name, "pii" | "eventTime")) {
        body.push(',');
        body.push_str(&Value::from(name).to_string());
        body.push(':');
        body.push_str(value.get());
    }
    body.push('}');
    body
}

/// What came of an attempt.
pub enum Attempt {
    /// Nothing is left to do: AdTarget has it, or wants none of it, with its reason.
    Settled {
        /// A status and a code.
        refusal: Option<String>,
    },
    /// AdTarget is still away; it may have said for how long, in s.
    Later(Option<u32>),
}

/// One that is owed, as AdTarget is told of it.
pub(crate) struct Owed {
    /// AdTarget's Idempotency-Key.
    pub conversion_id: ConversionId,
    /// Behind `/api/v1/`.
    pub path: String,
    /// JSON.
    pub body: String,
}

impl Owed {
    fn of(row: &Row) -> Option<Self> {
        Some(Self {
            conversion_id: ConversionId::parse(row.text("conversion_id")?).ok()?,
            path: row.text("path")?.to_owned(),
            body: row.text("body")?.to_owned(),
        })
    }
}

/// Tells AdTarget of one, from the queue. Any number of times: it is known by its Idempotency-Key.
///
/// # Errors
/// The database's.
pub async fn deliver(
    env: &Env,
    adtarget: &AdTarget,
    id: ConversionId,
) -> Result<Attempt, Unavailable> {
    let database = Database::bound(env, DATABASE)?;
    // Repeating it does no harm: it only reads.
    let rows = database
        .ask(Statement::new(
            "SELECT conversion_id, path, body FROM owed_conversions WHERE conversion_id = ?1 ->> '$' AND status = 'owed'",
            &id,
        )?)
        .await?;
    match rows.first().and_then(Owed::of) {
        // Repeating it does no harm: see `attempt`.
        Some(owed) => attempt(env, &database, adtarget, &owed).await,
        None => Ok(Attempt::Settled { refusal: None }),
    }
}

/// Tells AdTarget of one whose row stands, and writes down what came of it. Any number of times: it is known by its
/// Idempotency-Key.
///
/// # Errors
/// The database's; the conversion stays owed then.
pub(crate) fn attempt<'a>(
    env: &'a Env,
    database: &'a Database,
    adtarget: &'a AdTarget,
    owed: &'a Owed,
) -> LocalBoxFuture<'a, Result<Attempt, Unavailable>> {
    // Boxed: its code is there once, and not in every caller.
    Box::pin(try_once(env, database, adtarget, owed))
}

async fn try_once(
    env: &Env,
    database: &Database,
    adtarget: &AdTarget,
    owed: &Owed,
) -> Result<Attempt, Unavailable> {
    let upstream = Upstream {
        method: "POST",
        target: &owed.path,
        body: &owed.body,
        idempotency_key: Some(owed.conversion_id),
        headers: Vec::new(),
    };
    // Repeating it does no harm: AdTarget knows it by its Idempotency-Key, the same on every attempt.
    let (status, adtarget_id, reason, attempt) = match upstream.make(env, adtarget).await {
        Outcome::Answered(reply) if reply.status < 300 => {
            let body = serde_json::from_str::<Value>(&reply.body).unwrap_or_default();
            let id = body.get("conversionId").and_then(Value::as_str);
            // It becomes part of a path.
            let is_plain = |id: &&str| {
                id.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            };
            match id.filter(is_plain) {
                Some(id) => (
                    "delivered",
                    Some(id.to_owned()),
                    None,
                    Attempt::Settled { refusal: None },
                ),
                None => {
                    runtime::log_warning("an owed conversion: AdTarget gave it no conversionId");
                    ("owed", None, None, Attempt::Later(None))
                }
            }
        }
        // Nothing in it will change: asking again can't help.
        Outcome::Answered(reply) => {
            let reason = refusal(reply.status, &reply.body);
            runtime::log_error(&format!(
                "AdTarget refused the owed conversion {}: {reason}",
                owed.conversion_id
            ));
            (
                "refused",
                None,
                Some(reason.clone()),
                Attempt::Settled {
                    refusal: Some(reason),
                },
            )
        }
        Outcome::Away { why, retry_after } => {
            runtime::log_warning(&format!("an owed conversion: AdTarget: {why}"));
            ("owed", None, None, Attempt::Later(retry_after.parse().ok()))
        }
    };
    let settled = json!({
        "conversionId": owed.conversion_id, "status": status, "adtargetId": adtarget_id, "reason": reason, "nowMs": runtime::now_ms(),
    });
    let statements = [
        Statement::new(include_str!("attempted.sql"), &settled)?,
        Statement::new(include_str!("attempted_event.sql"), &settled)?,
    ];
    // Repeating it does no harm: what is settled stays settled.
    database.transact(&statements).await?;
    Ok(attempt)
}

/// The status and code of a refusal.
fn refusal(status: u16, body: &str) -> String {
    let body = serde_json::from_str::<Value>(body).unwrap_or_default();
    let code = body.pointer("/error/code").and_then(Value::as_str);
    format!("{status} {}", code.unwrap_or_default())
}

/// Tells AdTarget of those that nobody has tried for a quarter of an hour, the longest waiting first. For a schedule: what
/// the queue lost is found here.
///
/// # Errors
/// The database's.
pub async fn sweep(env: &Env, config: &Config, now_ms: u64) -> Result<(), Unavailable> {
    /// Connections that one invocation may hold at once (a limit of the platform).
    const CONNECTIONS: usize = 6;
    const IDLE_MS: u64 = 15 * 60_000;
    let Backend::AdTarget(adtarget) = &config.backend else {
        return Ok(());
    };
    let database = Database::bound(env, DATABASE)?;
    // Repeating it does no harm: it only reads.
    let waiting = database
        .ask(Statement::new(
            "SELECT conversion_id, path, body FROM owed_conversions WHERE status = 'owed' AND tried_ms <= ?1 ->> '$' ORDER BY tried_ms LIMIT 60",
            &now_ms.saturating_sub(IDLE_MS),
        )?)
        .await?;
    let waiting: Vec<_> = waiting.iter().filter_map(Owed::of).collect();
    futures_util::stream::iter(&waiting)
        .for_each_concurrent(CONNECTIONS, |owed| async {
            // Repeating it does no harm: see `attempt`.
            if let Err(why) = attempt(env, &database, adtarget, owed).await {
                runtime::log_error(&format!("an owed conversion: the ledger: {why}"));
            }
        })
        .await;
    Ok(())
}

/// AdTarget's own id of a conversion that was owed; none: it is not one of those.
///
/// # Errors
/// `BAD_GATEWAY`: AdTarget has yet to take it; `CONVERSION_NOT_FOUND`: it refused it.
pub(super) async fn at_adtarget(
    call: &Call<'_>,
    lead: TelegramUserId,
    conversion: &str,
) -> Result<Option<String>, Error> {
    let Ok(id) = ConversionId::parse(conversion) else {
        return Ok(None);
    };
    let rows = Database::bound(call.edge.env, DATABASE)?
        .ask(Statement::new(
            "SELECT status, adtarget_id FROM owed_conversions
             WHERE conversion_id = ?1 ->> 'conversionId' AND telegram_user_id = ?1 ->> 'telegramUserId'",
            &json!({ "conversionId": id, "telegramUserId": lead }),
        )?)
        .await?;
    match rows
        .first()
        .map(|row| (row.text("status"), row.text("adtarget_id")))
    {
        None => Ok(None),
        Some((_, Some(id))) => Ok(Some(id.to_owned())),
        Some((Some("refused"), _)) => Err(Error::ConversionNotFound),
        Some(_) => Err(Error::AdTargetAway(
            "AdTarget has yet to take this conversion; come back later",
        )),
    }
}
