//! Access tokens of other services: kept in one place, renewed before they end, fetched by one caller at a time.
//!
//! A Durable Object a kind of token ([`object`]) keeps what its service gave; what it does next is told by [`kept`] alone. A kind is a
//! [`Source`], which knows how its token is fetched: to add one, write a module beside [`adstat`] and name it in [`source`].

pub mod adstat;
pub mod google;
pub mod kept;
pub mod object;

use crate::runtime::Env;
use crate::tasks::promised_within;
use conversions::{Hash, Secret};
use futures_util::future::LocalBoxFuture;
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::runtime;

use kept::Kept;
pub use kept::Status;

/// The objects' binding.
pub const KEEPER: &str = "TOKENS";

/// How long a caller waits for a token, in ms: as long as a [`Source`] may take, and a little.
pub const PATIENT_MS: u32 = 24_000;
/// How long an operator waits for how one stands, in ms.
const STATUS_MS: u32 = 1_000;

#[wasm_bindgen(module = "/src/runtime.js")]
extern "C" {
    #[wasm_bindgen(js_name = askObject)]
    fn ask(env: &Env, binding: &str, kind: &str, method: &str, argument: &str) -> Promise;
}

/// A kind of token.
pub trait Source {
    /// A hash of the settings that it is fetched with: when they change, what was fetched with the old ones is void.
    fn settings(&self) -> Hash;

    /// Fetches a token. `kept` is what was fetched before, if ended. It must take no longer than 20 s in all, and a second call must do no harm.
    fn fetch<'a>(&'a self, kept: Option<&'a Kept>) -> LocalBoxFuture<'a, Result<Kept, Failure>>;
}

/// The source of a kind; `None`: there is none of that name, or it is not configured.
fn source(env: &Env, kind: &str) -> Option<Box<dyn Source>> {
    match kind {
        adstat::KIND => Some(Box::new(adstat::Account::of(crate::config(env))?)),
        _ => Some(Box::new(google::Account::of(env, kind)?)),
    }
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The service refuses to give one, in its words: the credentials are wrong.
    Refused(String),
    /// It may give one later; in words for the log.
    Away(String),
}

/// A token that is good now.
#[derive(Debug)]
pub struct Bearer {
    /// The token.
    pub token: Secret,
    /// When what renews it ends, Unix time in ms, where something does.
    pub renewable_until_ms: Option<u64>,
}

/// A token of `kind`. `refused` is one that the service did not take any more, where the caller has just learned that.
///
/// # Errors
/// [`Failure`]
pub async fn bearer(env: &Env, kind: &str, refused: Option<&Secret>) -> Result<Bearer, Failure> {
    let refused = refused.map_or("", Secret::reveal);
    let answer = ask(env, KEEPER, kind, "token", refused);
    // Repeating it does no harm: what is kept and good is handed out.
    let told = text(answer, PATIENT_MS).await.map_err(Failure::Away)?;
    let (word, rest) = told.split_once('\n').unwrap_or((&told, ""));
    match word {
        "token" => {
            let (until, token) = rest.split_once('\n').unwrap_or(("", rest));
            Ok(Bearer {
                token: Secret::new(token.to_owned()),
                renewable_until_ms: until.parse().ok(),
            })
        }
        "refused" => Err(Failure::Refused(rest.to_owned())),
        _ => Err(Failure::Away(rest.to_owned())),
    }
}

/// How the token of `kind` stands, for the operator; `None`: its object does not answer.
pub async fn status(env: &Env, kind: &str) -> Option<Status> {
    // Repeating it does no harm: it reads.
    match text(ask(env, KEEPER, kind, "status", ""), STATUS_MS).await {
        Ok(told) => serde_json::from_str(&told).ok(),
        Err(why) => {
            runtime::log_warning(&format!("tokens: {kind}: {why}"));
            None
        }
    }
}

async fn text(answer: Promise, timeout_ms: u32) -> Result<String, String> {
    // The method says for itself why repeating it does no harm.
    match promised_within(timeout_ms, &answer).await {
        Ok(text) => text
            .as_string()
            .ok_or_else(|| "no text came back".to_owned()),
        Err(why) => Err(runtime::words(&why)),
    }
}
