//! Idempotency-Key: a call that is made again with its key gets the first answer, for 24 hours.
//!
//! AdTarget's rule but for one thing: a key that comes back with another request is refused (422), where AdTarget would
//! give the first request's answer.

use conversions::{ConversionId, Hash};
use serde::{Deserialize, Serialize};

use super::{Call, Endpoint};
use crate::answer::Answer;
use crate::error::Error;
use crate::ids::{EventId, entropy};
use crate::ledger::{DATABASE, Database, Statement, Unavailable};
use crate::runtime;

/// The most characters a key may have (AdTarget's contract).
const LONGEST_KEY: usize = 128;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claim<'a> {
    key_prefix: &'a str,
    idempotency_key: &'a str,
    request_sha256: &'a str,
    now_ms: u64,
}

#[derive(Deserialize)]
struct Claimed {
    at_ms: u64,
}

#[derive(Deserialize)]
struct Before {
    request_sha256: String,
    status: Option<u16>,
    body: Option<String>,
}

/// Does what a call asks, once: `act` gets the id of what it makes, the same each time the call is made with its key.
///
/// # Errors
/// `INVALID_PAYLOAD`: no such key can be; `IDEMPOTENCY_MISMATCH`; `IDEMPOTENCY_IN_PROGRESS`; `INTERNAL_ERROR`; and what
/// `act` gives.
pub async fn once(
    call: &Call<'_>,
    body: &str,
    act: impl AsyncFnOnce(ConversionId) -> Result<Answer, Error>,
) -> Result<Answer, Error> {
    let edge = call.edge;
    let key = edge.header("idempotency-key");
    if key.is_empty() {
        let random = EventId::new(entropy()?).to_string();
        return act(ConversionId::derive("request", &[&random])).await;
    }
    if key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::field(
            "idempotency-key",
            "expected at most 128 visible ASCII characters",
        ));
    }
    let request = [edge.caller.method, call.path, edge.caller.query, body];
    let request_sha256 = Hash::of(&request.join("\n"));
    let claim = Claim {
        key_prefix: &call.holder.prefix,
        idempotency_key: &key,
        request_sha256: request_sha256.as_str(),
        now_ms: edge.now_ms,
    };
    let database = Database::bound(edge.env, DATABASE)?;
    let statements = [
        Statement::new(include_str!("claim.sql"), &claim)?,
        Statement::new(include_str!("claimed.sql"), &claim)?,
    ];
    // Cut off, the claim is free for the next attempt after a minute.
    let rows = database.transact(&statements).await?;
    let [claimed, before] = rows.as_slice() else {
        return Err(Error::Internal);
    };
    let Some(Claimed { at_ms }) = claimed.first()? else {
        return replay(&claim, before.first()?);
    };
    let at = at_ms.to_string();
    let id = ConversionId::derive("request", &[&call.holder.prefix, &key, &at]);
    let answer = act(id).await.unwrap_or_else(Answer::from);
    if let Err(why) = settle(call, &database, &claim, &answer).await {
        // What was done stands; a second attempt finds it by its id.
        runtime::log_error(&format!("an answer's idempotency: {why}"));
    }
    Ok(answer)
}

/// The first answer again, where there is one to this request.
fn replay(claim: &Claim<'_>, before: Option<Before>) -> Result<Answer, Error> {
    let before = before.ok_or(Error::IdempotencyInProgress)?;
    if before.request_sha256 != claim.request_sha256 {
        return Err(Error::IdempotencyMismatch);
    }
    match (before.status, before.body) {
        (Some(status), Some(body)) => {
            Ok(Answer::json_text(status, body).header("x-idempotent-replay", "true"))
        }
        _ => Err(Error::IdempotencyInProgress),
    }
}

/// Keeps an answer for the next time, or frees the claim where the next time may go better.
async fn settle(
    call: &Call<'_>,
    database: &Database,
    claim: &Claim<'_>,
    answer: &Answer,
) -> Result<(), Unavailable> {
    #[derive(Serialize)]
    struct Settled<'a> {
        #[serde(flatten)]
        claim: &'a Claim<'a>,
        status: Option<u16>,
        body: Option<&'a str>,
    }
    // A new API key is shown once and kept nowhere; made again, the call makes the same one.
    let is_secret = call.endpoint == Endpoint::Keys && answer.status == 201;
    let is_final = answer.status != 429 && answer.status < 500 && !is_secret;
    let settled = Settled {
        claim,
        status: is_final.then_some(answer.status),
        body: is_final.then_some(answer.body()),
    };
    let statement = Statement::new(include_str!("settled.sql"), &settled)?;
    database.transact(&[statement]).await.map(drop)
}
