//! The keyed surface with AdTarget behind it: calls go on with AdTarget's own key in place of the caller's, which never
//! leaves the edge. While AdTarget is away a conversion is accepted and owed; all else is refused with 502.

use conversions::{ConversionId, Secret};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::{Call, Endpoint, events, fields, leads, owed};
use crate::answer::Answer;
use crate::config::AdTarget;
use crate::error::Error;
use crate::runtime::{self, Env, Reply};

/// How long a caller waits for AdTarget, in ms.
const TIMEOUT_MS: u32 = 10_000;

/// What a caller may say of the person it acts for, and AdTarget takes.
const PASSED_ON: [&str; 2] = ["x-adtarget-client-ip", "x-adtarget-client-user-agent"];

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
        /// When it wants to be asked again, as it said it; or empty.
        retry_after: String,
    },
}

impl Upstream<'_> {
    /// Makes the call, once. Its Idempotency-Key makes a second time harmless.
    pub fn make<'a>(&'a self, env: &'a Env, adtarget: &'a AdTarget) -> LocalBoxFuture<'a, Outcome> {
        // Boxed: its code is there once, and not in every caller.
        Box::pin(self.make_once(env, adtarget))
    }

    async fn make_once(&self, env: &Env, adtarget: &AdTarget) -> Outcome {
        let away = |why: String, retry_after: &str| Outcome::Away {
            why,
            retry_after: retry_after.to_owned(),
        };
        let Some(key) = runtime::variable(env, "ADTARGET_API_KEY").map(Secret::new) else {
            return away("ADTARGET_API_KEY is not set".to_owned(), "");
        };
        let url = format!("{}/api/v1/{}", adtarget.base, self.target);
        let mut headers =
            Answer::empty(0).header("authorization", &format!("Bearer {}", key.reveal()));
        if !self.body.is_empty() {
            headers = headers.header("content-type", "application/json");
        }
        if let Some(key) = self.idempotency_key {
            headers = headers.header("idempotency-key", &key.to_string());
        }
        for (name, value) in &self.headers {
            headers = headers.header(name, value);
        }
        let call = runtime::Call {
            url: &url,
            method: self.method,
            headers: headers.headers(),
            body: self.body,
            timeout_ms: TIMEOUT_MS,
        };
        match call.send().await {
            Ok(reply) if is_of_the_contract(&reply) => Outcome::Answered(reply),
            Ok(reply) => away(
                format!("{}, not an answer of its contract", reply.status),
                &reply.retry_after,
            ),
            Err(why) => away(why, ""),
        }
    }
}

/// Whether an answer can be the caller's. Those about the account's own key, bill and rate are the edge's affair.
fn is_of_the_contract(reply: &Reply) -> bool {
    let body = serde_json::from_str::<Value>(&reply.body).ok();
    let body = body.filter(Value::is_object);
    match reply.status {
        200..=299 => body.is_some(),
        401 | 402 | 429 => false,
        400..=499 => body.is_some_and(|body| body.get("error").is_some_and(Value::is_object)),
        _ => false,
    }
}

/// AdTarget's answer, passed on.
fn pass_on(reply: Reply) -> Answer {
    let mut answer = Answer::json_text(reply.status, reply.body);
    for (name, value) in [
        ("retry-after", &reply.retry_after),
        ("x-idempotent-replay", &reply.idempotent_replay),
    ] {
        if !value.is_empty() {
            answer = answer.header(name, value);
        }
    }
    answer
}

/// 502, with AdTarget's own time to come back.
fn away(retry_after: &str) -> Answer {
    let error = Error::AdTargetAway("AdTarget does not answer as it should; come back later");
    let answer = Answer::from(error);
    match retry_after {
        "" => answer,
        seconds => answer.header("retry-after", seconds),
    }
}

impl Call<'_> {
    /// What a call is at AdTarget.
    fn upstream<'a>(&self, target: &'a str, body: &'a str, id: Option<ConversionId>) -> Upstream<'a>
    where
        Self: 'a,
    {
        let headers = PASSED_ON.map(|name| (name, self.edge.header(name)));
        Upstream {
            method: match self.edge.caller.method {
                "POST" => "POST",
                "DELETE" => "DELETE",
                _ => "GET",
            },
            target,
            body,
            idempotency_key: id,
            headers: headers
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        }
    }

    /// The path, with the query.
    fn target(&self, path: &str) -> String {
        match self.edge.caller.query {
            "" => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// AdTarget's key is of the whole account: through it a key of one site would see the others' leads.
    fn check_scope(&self) -> Result<(), Error> {
        if self.holder.website_id.is_some() && self.edge.config.sites.len() > 1 {
            return Err(Error::ApiDisabled(
                "with BACKEND adtarget and several sites, keys of one site can't be used",
            ));
        }
        Ok(())
    }
}

/// Passes a call on that changes nothing.
pub async fn read(call: &Call<'_>, adtarget: &AdTarget) -> Result<Answer, Error> {
    call.check_scope()?;
    let target = call.target(call.path);
    let upstream = call.upstream(&target, "", None);
    Ok(match upstream.make(call.edge.env, adtarget).await {
        Outcome::Answered(reply) => pass_on(reply),
        Outcome::Away { why, retry_after } => {
            runtime::log_warning(&format!("{}: AdTarget: {why}", upstream.method));
            away(&retry_after)
        }
    })
}

/// Passes a call on that changes something. What it makes while AdTarget is away bears `id`, which is its Idempotency-Key
/// there, too.
pub async fn write(
    call: &Call<'_>,
    adtarget: &AdTarget,
    id: ConversionId,
    body: &str,
) -> Result<Answer, Error> {
    call.check_scope()?;
    if call.edge.caller.method == "POST" {
        fields(body)?;
    }
    let path = match call.endpoint {
        Endpoint::Value(lead, conversion) => {
            let own = owed::at_adtarget(call, leads::lead_of(lead)?, conversion).await?;
            match own {
                Some(id) => format!("leads/{lead}/conversions/{id}/value"),
                None => call.path.to_owned(),
            }
        }
        Endpoint::Lead(lead) => {
            // Repeating it does no harm: nothing is left to forget.
            leads::forget(call, leads::lead_of(lead)?).await?;
            call.path.to_owned()
        }
        _ => call.path.to_owned(),
    };
    let target = call.target(&path);
    let upstream = call.upstream(&target, body, Some(id));
    // Made again after an answer that got lost, the call is known by its Idempotency-Key.
    match upstream.make(call.edge.env, adtarget).await {
        Outcome::Answered(reply) => Ok(pass_on(reply)),
        Outcome::Away { why, retry_after } => {
            runtime::log_warning(&format!("{}: AdTarget: {why}", upstream.method));
            let lead = match call.endpoint {
                Endpoint::Conversion => None,
                Endpoint::LeadEvents(lead) => Some(leads::lead_of(lead)?),
                _ => return Ok(away(&retry_after)),
            };
            let told = fields(body)?;
            let new = events::told_conversion(call, id, &told, lead)?;
            owed::accept(call, &new, &target, &told, &retry_after).await
        }
    }
}
