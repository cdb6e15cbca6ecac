//! Conversions that AdTarget is owed, since they were accepted while it was away: a row first, then the queue, then AdTarget, once. Where the
//! queue was away, too, [`sweep`] finds the row.
//!
//! **Once**, as far as AdTarget knows: it keeps an Idempotency-Key for 24 hours ("Idempotency" of its API reference). One that it took, whose answer
//! was lost, and that it could be told of again only later than that is a second conversion there. Not to tell it again would lose all those that it
//! did not take; to look for it among the lead's conversions would take another sale of the same price for it. So it is told, however late.
//!
//! The row holds what was told less `pii`: raw names, addresses and numbers live in memory alone. So a conversion that
//! was owed reaches AdTarget without them, and its caller is told so.

use conversions::{ConversionId, TelegramUserId};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Value, json};

use crate::adtarget::keyed::{Outcome, Upstream};
use crate::config::{AdTarget, Backend, Config};
use crate::ledger::{DATABASE, Database, Row, Statement, Unavailable};
use crate::runtime::{self, CONNECTIONS, Env};

/// A conversion that AdTarget is to be told of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Debt<'a> {
    /// Its id here.
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
        Statement::new(include_str!("owed/owe.sql"), self)
    }
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
    /// Its id here.
    pub conversion_id: ConversionId,
    /// How often AdTarget refused it before it was owed anew.
    pub refusals: u64,
    /// Behind `/api/v1/`.
    pub path: String,
    /// JSON.
    pub body: String,
}

impl Owed {
    fn of(row: &Row) -> Option<Self> {
        Some(Self {
            conversion_id: ConversionId::parse(row.text("conversion_id")?).ok()?,
            refusals: row.number("refusals").unwrap_or_default(),
            path: row.text("path")?.to_owned(),
            body: row.text("body")?.to_owned(),
        })
    }

    /// AdTarget's Idempotency-Key on every attempt: its id here, until AdTarget refuses it. That is what it would answer to this key for 24 hours.
    fn key(&self) -> ConversionId {
        match self.refusals {
            0 => self.conversion_id,
            times => {
                let parts = [self.conversion_id.to_string(), times.to_string()];
                ConversionId::derive("owed anew", &parts.each_ref().map(String::as_str))
            }
        }
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
            "SELECT conversion_id, refusals, path, body FROM owed_conversions WHERE conversion_id = ?1 ->> '$' AND status = 'owed'",
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
        idempotency_key: Some(owed.key()),
        headers: Vec::new(),
    };
    // Repeating it does no harm: AdTarget knows it by its Idempotency-Key, the same on every attempt.
    let (status, adtarget_id, reason, attempt) = match upstream.make(env, adtarget).await {
        Outcome::Answered(reply) if reply.status < 300 => {
            let body = serde_json::from_str::<Value>(&reply.body).unwrap_or_default();
            let id = body.get("conversionId").and_then(Value::as_str);
            // It becomes part of a path.
            let is_plain = |id: &&str| {
                !id.is_empty()
                    && id
                        .bytes()
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
        Outcome::Away { why, retry_after_s } => {
            runtime::log_warning(&format!("an owed conversion: AdTarget: {why}"));
            ("owed", None, None, Attempt::Later(retry_after_s))
        }
    };
    let settled = json!({
        "conversionId": owed.conversion_id, "refusals": owed.refusals, "status": status, "adtargetId": adtarget_id, "reason": reason, "nowMs": runtime::now_ms(),
    });
    let statements = [
        Statement::new(include_str!("owed/attempted.sql"), &settled)?,
        Statement::new(include_str!("owed/attempted_event.sql"), &settled)?,
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
    const IDLE_MS: u64 = 15 * 60_000;
    let Backend::AdTarget(adtarget) = &config.backend else {
        return Ok(());
    };
    let database = Database::bound(env, DATABASE)?;
    // Repeating it does no harm: it only reads.
    let waiting = database
        .ask(Statement::new(
            "SELECT conversion_id, refusals, path, body FROM owed_conversions WHERE status = 'owed' AND tried_ms <= ?1 ->> '$' ORDER BY tried_ms LIMIT 60",
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
