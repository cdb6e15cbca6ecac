//! Idempotency-Key: a call that is made again with its key gets the first answer, for 24 hours.
//!
//! AdTarget's rule but for one thing: a key that comes back with another request is refused (422), where AdTarget would
//! give the first request's answer.

use conversions::{ConversionId, Hash};
use serde::Serialize;

use super::{Call, Endpoint};
use crate::answer::Answer;
use crate::error::Error;
use crate::ids::{EventId, entropy};
use crate::ledger::{DATABASE, Database, Row, Statement, Unavailable};
use crate::runtime;

/// The most characters a key may have (AdTarget's contract).
const LONGEST_KEY: usize = 128;

/// A call that may be answered now.
pub struct Turn {
    /// The id of what it makes: the same each time the call is made with its key.
    pub id: ConversionId,
    claim: Option<Claim>,
}

/// What an Idempotency-Key means for a call.
pub enum Begun {
    /// It is to be answered.
    Go(Turn),
    /// It was answered before.
    Replay(Answer),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claim {
    key_prefix: String,
    idempotency_key: String,
    request_sha256: Hash,
    now_ms: u64,
}

/// Begins to answer a call with that body.
///
/// # Errors
/// `INVALID_PAYLOAD`: no such key can be; `IDEMPOTENCY_MISMATCH`; `IDEMPOTENCY_IN_PROGRESS`; `INTERNAL_ERROR`
pub async fn begin(call: &Call<'_>, body: &str) -> Result<Begun, Error> {
    let edge = call.edge;
    let key = edge.header("idempotency-key");
    if key.is_empty() {
        let random = EventId::new(entropy()?).to_string();
        return Ok(Begun::Go(Turn {
            id: ConversionId::derive("request", &[&random]),
            claim: None,
        }));
    }
    if key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::field(
            "idempotency-key",
            "expected at most 128 visible ASCII characters",
        ));
    }
    let request = [edge.caller.method, call.path, edge.caller.query, body];
    let claim = Claim {
        key_prefix: call.holder.prefix.clone(),
        idempotency_key: key,
        request_sha256: Hash::of(&request.join("\n")),
        now_ms: edge.now_ms,
    };
    let statements = [
        Statement::new(include_str!("claim.sql"), &claim)?,
        Statement::new(include_str!("claimed.sql"), &claim)?,
    ];
    // Cut off, the claim is free for the next attempt after a minute.
    let rows = Database::bound(edge.env, DATABASE)?
        .transact(&statements)
        .await?;
    let [claimed, before] = rows.as_slice() else {
        return Err(Error::Internal);
    };
    let Some(claimed) = claimed.first::<Row>()? else {
        let before: Option<Row> = before.first()?;
        return replay(&claim, &before.ok_or(Error::IdempotencyInProgress)?).map(Begun::Replay);
    };
    let at = claimed.number("at_ms").unwrap_or_default().to_string();
    let parts = [
        claim.key_prefix.as_str(),
        claim.idempotency_key.as_str(),
        &at,
    ];
    Ok(Begun::Go(Turn {
        id: ConversionId::derive("request", &parts),
        claim: Some(claim),
    }))
}

/// The first answer again, where there is one to this request.
fn replay(claim: &Claim, before: &Row) -> Result<Answer, Error> {
    if before.text("request_sha256") != Some(claim.request_sha256.as_str()) {
        return Err(Error::IdempotencyMismatch);
    }
    let status = before.number("status").and_then(|s| u16::try_from(s).ok());
    match (status, before.text("body")) {
        (Some(status), Some(body)) => {
            Ok(Answer::json_text(status, body.to_owned()).header("x-idempotent-replay", "true"))
        }
        _ => Err(Error::IdempotencyInProgress),
    }
}

impl Turn {
    /// Keeps the answer for the next time, or frees the claim where the next time may go better.
    pub async fn end(self, call: &Call<'_>, answer: &Answer) {
        let Some(claim) = self.claim else {
            return;
        };
        // A new API key is shown once and kept nowhere; made again, the call makes the same one.
        let is_secret = call.endpoint == Endpoint::Keys && answer.status == 201;
        let is_final = answer.status != 429 && answer.status < 500 && !is_secret;
        if let Err(why) = settle(call, &claim, is_final.then_some(answer)).await {
            // What was done stands; a second attempt finds it by its id.
            runtime::log_error(&format!("an answer's idempotency: {why}"));
        }
    }
}

async fn settle(
    call: &Call<'_>,
    claim: &Claim,
    answer: Option<&Answer>,
) -> Result<(), Unavailable> {
    #[derive(Serialize)]
    struct Settled<'a> {
        #[serde(flatten)]
        claim: &'a Claim,
        status: Option<u16>,
        body: Option<&'a str>,
    }
    let settled = Settled {
        claim,
        status: answer.map(|answer| answer.status),
        body: answer.map(Answer::body),
    };
    let statement = Statement::new(include_str!("settled.sql"), &settled)?;
    Database::bound(call.edge.env, DATABASE)?
        .ask(statement)
        .await
        .map(drop)
}
