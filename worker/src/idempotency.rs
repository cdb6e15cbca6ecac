//! Idempotency-Key: a call that is made again with its key gets the first answer, for 24 hours.
//!
//! AdTarget's rule but for one thing: a key that comes back with another request than the one it answered is refused (422),
//! where AdTarget would give the first request's answer.

use conversions::{ConversionId, Hash};
use serde::Serialize;

use crate::answer::Answer;
use crate::edge::Edge;
use crate::error::Error;
use crate::ids::{EventId, entropy};
use crate::ledger::{DATABASE, Database, Row, Statement, Unavailable};
use crate::runtime;

/// How long a claim holds whose call does not end, in ms: the platform may have ended it, or the caller have hung up.
const CLAIM_MS: u64 = 60_000;

/// The most characters a key may have (AdTarget's contract).
const LONGEST_KEY: usize = 128;

/// The header that names a call.
pub const HEADER: &str = "idempotency-key";

/// A call that may come again.
pub struct Repeatable<'a> {
    /// The request that it came with.
    pub edge: &'a Edge<'a>,
    /// Whose key it is: each holder has keys of its own.
    pub holder: &'a str,
    /// What tells it from other calls, besides its method, query and body.
    pub path: &'a str,
    /// Its body.
    pub body: &'a str,
    /// Its Idempotency-Key; empty: it is new each time.
    pub key: String,
    /// Whether another request may follow under the key where the one before came to nothing and left no conversion.
    pub reopens: bool,
}

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
    claim_ms: u64,
    /// Whether it may be claimed that was claimed for another request before.
    takes_over: bool,
}

/// Begins to answer a call.
///
/// # Errors
/// `INVALID_PAYLOAD`: no such key can be; `IDEMPOTENCY_MISMATCH`; `IDEMPOTENCY_IN_PROGRESS`; `INTERNAL_ERROR`
pub async fn begin(call: &Repeatable<'_>) -> Result<Begun, Error> {
    let Repeatable {
        edge,
        holder,
        path,
        body,
        key,
        reopens,
    } = call;
    if key.is_empty() {
        let random = EventId::new(entropy()?).to_string();
        return Ok(Begun::Go(Turn {
            id: ConversionId::derive("request", &[&random]),
            claim: None,
        }));
    }
    if key.len() > LONGEST_KEY || !key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Error::field(
            HEADER,
            "expected at most 128 ASCII characters",
        ));
    }
    let request = [edge.caller.method, path, edge.caller.query, body];
    let mut claim = Claim {
        key_prefix: (*holder).to_owned(),
        idempotency_key: key.clone(),
        request_sha256: Hash::of(&request.join("\n")),
        now_ms: edge.now_ms,
        claim_ms: CLAIM_MS,
        takes_over: false,
    };
    // Cut off, the claim is free for the next attempt after a minute.
    let (mut is_claimed, mut row) = claim.make(edge).await?;
    if !is_claimed && *reopens && claim.may_take_over(&row) {
        // Repeating it does no harm: it reads.
        if stands(edge, claim.id(&row)).await? {
            return Err(Error::IdempotencyMismatch);
        }
        claim.takes_over = true;
        // As above.
        (is_claimed, row) = claim.make(edge).await?;
    }
    if !is_claimed {
        return replay(&claim, &row, *reopens).map(Begun::Replay);
    }
    Ok(Begun::Go(Turn {
        id: claim.id(&row),
        claim: Some(claim),
    }))
}

impl Claim {
    /// Claims the key, where it is free. Gives whether it was, and how it stands.
    async fn make(&self, edge: &Edge<'_>) -> Result<(bool, Row), Error> {
        let statements = [
            Statement::new(include_str!("idempotency/claim.sql"), self)?,
            Statement::new(include_str!("idempotency/claimed.sql"), self)?,
        ];
        // Each caller says for itself why repeating it does no harm.
        let rows = Database::bound(edge.env, DATABASE)?
            .transact(&statements)
            .await?;
        let [claimed, row] = rows.as_slice() else {
            return Err(Error::Internal);
        };
        let is_claimed = claimed.first::<Row>()?.is_some();
        Ok((is_claimed, row.first()?.ok_or(Error::Internal)?))
    }

    /// The id of what a call with this key makes.
    fn id(&self, row: &Row) -> ConversionId {
        let at = row.number("at_ms").unwrap_or_default().to_string();
        let parts = [self.key_prefix.as_str(), self.idempotency_key.as_str(), &at];
        ConversionId::derive("request", &parts)
    }

    /// Whether the attempts so far were at another request, and are over.
    fn may_take_over(&self, row: &Row) -> bool {
        let free_ms = row.number("claimed_ms").unwrap_or_default() + CLAIM_MS;
        row.number("status").is_none() && !self.is_same(row) && free_ms <= self.now_ms
    }

    fn is_same(&self, row: &Row) -> bool {
        row.text("request_sha256") == Some(self.request_sha256.as_str())
    }
}

/// Whether a conversion was written down though its call was never answered: then it is what was told first.
async fn stands(edge: &Edge<'_>, id: ConversionId) -> Result<bool, Unavailable> {
    const SQL: &str = "SELECT 1 FROM conversions WHERE conversion_id = ?1 ->> '$'
        UNION ALL SELECT 1 FROM owed_conversions WHERE conversion_id = ?1 ->> '$'";
    for binding in edge.config.databases() {
        let database = Database::bound(edge.env, binding)?;
        // Repeating it does no harm: it reads.
        if !database.ask(Statement::new(SQL, &id)?).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first answer again, where there is one to this request.
fn replay(claim: &Claim, before: &Row, reopens: bool) -> Result<Answer, Error> {
    let is_same = claim.is_same(before);
    let status = before.number("status").and_then(|s| u16::try_from(s).ok());
    match (status, before.text("body")) {
        (Some(status), Some(body)) if is_same => {
            Ok(Answer::json_text(status, body.to_owned()).header("x-idempotent-replay", "true"))
        }
        (None, _) if is_same || reopens => {
            let free_ms = before.number("claimed_ms").unwrap_or_default() + CLAIM_MS;
            Err(Error::in_progress(free_ms.saturating_sub(claim.now_ms)))
        }
        _ => Err(Error::IdempotencyMismatch),
    }
}

impl Turn {
    /// Keeps the answer for the next time; none: the claim is free, and the next time may go better.
    pub async fn end(self, edge: &Edge<'_>, answer: Option<&Answer>) {
        let Some(claim) = self.claim else {
            return;
        };
        if let Err(why) = settle(edge, &claim, answer).await {
            // What was done stands; a second attempt finds it by its id.
            runtime::log_error(&format!("an answer's idempotency: {why}"));
        }
    }
}

async fn settle(
    edge: &Edge<'_>,
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
    let statement = Statement::new(include_str!("idempotency/settled.sql"), &settled)?;
    Database::bound(edge.env, DATABASE)?
        .ask(statement)
        .await
        .map(drop)
}
