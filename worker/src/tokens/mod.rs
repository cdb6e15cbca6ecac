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

impl Failure {
    /// Its words, whichever it is.
    pub fn into_words(self) -> String {
        match self {
            Self::Refused(words) | Self::Away(words) => words,
        }
    }
}

/// A token that is good now.
#[derive(Debug)]
pub struct Bearer {
    /// The token.
    pub token: Secret,
    /// When what renews it ends, Unix time in ms, where something does.
    pub renewable_until_ms: Option<u64>,
}

/// The tokens of one kind, as one caller uses them: the one in hand is good until the service refuses it.
pub struct Tokens<'a> {
    env: &'a Env,
    kind: &'a str,
    in_hand: Option<Bearer>,
}

impl<'a> Tokens<'a> {
    /// None is asked for yet.
    pub const fn new(env: &'a Env, kind: &'a str) -> Self {
        Self {
            env,
            kind,
            in_hand: None,
        }
    }

    /// A token.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn bearer(&mut self) -> Result<&Bearer, Failure> {
        let bearer = match self.in_hand.take() {
            Some(bearer) => bearer,
            // Repeating it does no harm: what is kept and good is handed out.
            None => hand_out(self.env, self.kind, "").await?,
        };
        Ok(self.in_hand.insert(bearer))
    }

    /// Another token than the one in hand, which the service does not take any more, though its time was not over.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn renew(&mut self) -> Result<&Bearer, Failure> {
        runtime::log_warning(&format!("tokens: {} was refused one", self.kind));
        let refused = self.in_hand.take().map(|bearer| bearer.token);
        let refused = refused.as_ref().map_or("", Secret::reveal);
        // Repeating it does no harm: one that was renewed meanwhile is handed out.
        let bearer = hand_out(self.env, self.kind, refused).await?;
        Ok(self.in_hand.insert(bearer))
    }

    /// What comes of a call with a token; where the service refused that one, with another.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn call<T>(
        &mut self,
        is_refused: impl Fn(&T) -> bool,
        once: impl AsyncFn(&Secret) -> T,
    ) -> Result<T, Failure> {
        // Repeating it does no harm: a token is handed out.
        let bearer = self.bearer().await?;
        // The caller says why repeating it does no harm.
        let answer = once(&bearer.token).await;
        if !is_refused(&answer) {
            return Ok(answer);
        }
        // Repeating it does no harm: a token is handed out.
        let bearer = self.renew().await?;
        // Repeating it does no harm: refused for its token, it was not begun.
        Ok(once(&bearer.token).await)
    }

    /// The token in hand, if any.
    pub const fn in_hand(&self) -> Option<&Bearer> {
        self.in_hand.as_ref()
    }
}

async fn hand_out(env: &Env, kind: &str, refused: &str) -> Result<Bearer, Failure> {
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
