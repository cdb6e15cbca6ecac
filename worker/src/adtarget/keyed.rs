//! AdTarget's keyed surface on the wire, `/api/v1`, with AdTarget's own key, which never leaves the edge.

use conversions::{ConversionId, Secret};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use crate::config::AdTarget;
use crate::runtime::{self, Env, HeaderLines, Reply};

/// AdTarget's own key; `None`: it is not set.
pub fn account_key(env: &Env) -> Option<Secret> {
    let key = runtime::variable(env, "ADTARGET_API_KEY")?;
    (!key.trim().is_empty()).then(|| Secret::new(key))
}

/// How long a caller waits for AdTarget, in ms.
const TIMEOUT_MS: u32 = 10_000;

/// A keyed call to AdTarget.
pub struct Upstream<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Behind `/api/v1/`, with its query.
    pub target: &'a str,
    /// JSON; empty: none.
    pub body: &'a str,
    /// Of what changes something: the same on every attempt.
    pub idempotency_key: Option<ConversionId>,
    /// More headers, with their values.
    pub headers: Vec<(&'static str, String)>,
}

/// What came of one.
pub enum Outcome {
    /// AdTarget did it, or refused it in its contract's words: for the caller.
    Answered(Reply),
    /// It may do it later.
    Away {
        /// In words for the log.
        why: String,
        /// When it wants to be asked again, in s.
        retry_after_s: Option<u32>,
    },
}

impl Upstream<'_> {
    /// Makes the call, once. Its Idempotency-Key makes a second time harmless.
    pub fn make<'a>(&'a self, env: &'a Env, adtarget: &'a AdTarget) -> LocalBoxFuture<'a, Outcome> {
        // Boxed: its code is there once, and not in every caller.
        Box::pin(self.make_once(env, adtarget))
    }

    async fn make_once(&self, env: &Env, adtarget: &AdTarget) -> Outcome {
        let away = |why: String, retry_after_s| Outcome::Away { why, retry_after_s };
        let Some(key) = account_key(env) else {
            return away("ADTARGET_API_KEY is not set".to_owned(), None);
        };
        let url = format!("{}/api/v1/{}", adtarget.base, self.target);
        let mut headers = HeaderLines::new();
        headers.add("authorization", &format!("Bearer {}", key.reveal()));
        if !self.body.is_empty() {
            headers.add("content-type", "application/json");
        }
        if let Some(key) = self.idempotency_key {
            headers.add("idempotency-key", &key.to_string());
        }
        for (name, value) in &self.headers {
            headers.add(name, value);
        }
        let call = runtime::Call {
            url: &url,
            method: self.method,
            headers: headers.as_str(),
            body: self.body,
            timeout_ms: TIMEOUT_MS,
        };
        match call.send().await {
            Ok(reply) if is_of_the_contract(&reply) || self.is_unknown(&reply) => {
                Outcome::Answered(reply)
            }
            Ok(reply) => away(
                format!("{}, not an answer of its contract", reply.status),
                reply.retry_after_s,
            ),
            Err(why) => away(why, None),
        }
    }

    /// Whether AdTarget has no such call as to erase a person, however it says so: its documents name none.
    pub fn is_unknown(&self, reply: &Reply) -> bool {
        self.method == "DELETE" && matches!(reply.status, 404 | 405 | 501)
    }
}

/// Whether an answer can be the caller's. Those about the account's own key, bill and rate, or the rush of the hour, are the edge's affair.
fn is_of_the_contract(reply: &Reply) -> bool {
    let body = serde_json::from_str::<Value>(&reply.body).ok();
    let body = body.filter(Value::is_object);
    match reply.status {
        200..=299 => body.is_some(),
        401 | 402 | 408 | 425 | 429 => false,
        400..=499 => body.is_some_and(|body| body.get("error").is_some_and(Value::is_object)),
        _ => false,
    }
}
