//! One request and all that stands around it.

use std::pin::pin;

use conversions::TelegramUserId;
use futures_util::future::{self, Either};
use serde_json::json;
use wasm_bindgen::prelude::*;
use web_sys::Request;

use crate::caller::Caller;
use crate::config::{Config, Site};
use crate::error::Error;
use crate::ids::TempId;
use crate::json;
use crate::ledger::{self, Database, Unavailable};
use crate::message::{LONGEST_DELAY_S, Message};
use crate::record::{Client, Record};
use crate::runtime::{self, Context, Env};
use crate::tasks::promised;

/// One request: who calls, and what the worker has to answer with.
pub struct Edge<'a> {
    /// The request as the platform handed it over.
    pub request: &'a Request,
    /// Bindings, variables and secrets.
    pub env: &'a Env,
    /// For work after the answer.
    pub context: &'a Context,
    /// The settings.
    pub config: &'static Config,
    /// Who calls.
    pub caller: Caller<'a>,
    /// The body of a call, where the route takes one; `PAYLOAD_TOO_LARGE` where it was too large to be read.
    pub body: Result<&'a [u8], Error>,
    /// When, Unix time in ms.
    pub now_ms: u64,
}

impl Edge<'_> {
    /// Who is at the browser, with the place the platform found.
    pub fn client(&self) -> Client {
        let place = runtime::place(self.request);
        let mut lines = place.split('\n').map(str::to_owned);
        let mut line = || lines.next().unwrap_or_default();
        Client {
            ip: self.caller.own_ip().to_owned(),
            user_agent: self.caller.user_agent.to_owned(),
            country: line(),
            region: line(),
            city: line(),
            bot: self.caller.is_bot(),
        }
    }

    /// The site of a public id.
    ///
    /// # Errors
    /// `WEBSITE_NOT_FOUND`
    pub fn site(&self, website_id: &str) -> Result<&'static Site, Error> {
        self.config.site(website_id).ok_or(Error::WebsiteNotFound)
    }

    /// Keeps what `message` says, after the answer: the visitor waits for none of it.
    pub fn keep(&self, message: &Message) {
        self.keep_later(message, 0);
    }

    /// Keeps it as [`Edge::keep`] does; the queue hands it out after `delay_s` seconds.
    pub fn keep_later(&self, message: &Message, delay_s: u32) {
        keep(self.env, self.context, message, delay_s);
    }

    /// Counts a call against its address.
    ///
    /// # Errors
    /// `RATE_LIMITED`
    pub async fn limit_address(&self) -> Result<(), Error> {
        self.limit("RATE_LIMIT_ADDRESS", self.caller.network(), 60)
            .await
    }

    /// What a call whose key is refused is told: `why`, and past the limit of its address when to come back. It is counted only then, so
    /// that systems with good keys may share an address.
    pub async fn refuse_key(&self, why: Error) -> Error {
        let is_about_the_key = matches!(
            why,
            Error::AuthRequired | Error::InvalidKey | Error::RevokedKey
        );
        if !is_about_the_key {
            return why;
        }
        // Repeating it does no harm: it counts the call once more.
        self.limit_address().await.err().unwrap_or(why)
    }

    /// Counts a call against a person at Telegram.
    ///
    /// # Errors
    /// `RATE_LIMITED`
    pub async fn limit_person(&self, person: TelegramUserId) -> Result<(), Error> {
        self.limit("RATE_LIMIT_VISITOR", &person.to_string(), 60)
            .await
    }

    /// Counts a call against its visitor.
    ///
    /// # Errors
    /// `RATE_LIMITED`
    pub async fn limit_visitor(&self, visitor: TempId) -> Result<(), Error> {
        self.limit("RATE_LIMIT_VISITOR", &visitor.to_string(), 60)
            .await
    }

    /// Counts a keyed call against its key, by its prefix.
    ///
    /// # Errors
    /// `RATE_LIMITED`
    pub async fn limit_key(&self, prefix: &str) -> Result<(), Error> {
        self.limit("RATE_LIMIT_KEY", prefix, 10).await
    }

    /// Counts against `key` with a binding whose period is `period_s`, in s.
    async fn limit(&self, binding: &str, key: &str, period_s: u32) -> Result<(), Error> {
        if !self.config.limits_calls {
            return Ok(());
        }
        // No binding, no address, or a limiter that fails: the visitor goes first.
        let Some(limiter) = self.binding(binding).filter(|_| !key.is_empty()) else {
            return Ok(());
        };
        match runtime::is_within_limit(&limiter, key).await {
            Ok(false) => Err(Error::RateLimited(period_s)),
            Ok(true) | Err(_) => Ok(()),
        }
    }

    /// A header that is not among those every request is read with; empty when it was not sent.
    #[inline(never)]
    pub fn header(&self, name: &str) -> String {
        self.request
            .headers()
            .get(name)
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    /// Whether the client wants a page to look at.
    pub fn wants_html(&self) -> bool {
        self.header("accept").contains("text/html")
    }

    /// Whether the client accepts what a browser does for a page (Fetch, "fetching", step 4): a script that fetches one says less.
    pub fn navigates(&self) -> bool {
        self.header("accept").contains("application/xml;q=")
    }

    /// Whether pages of a site are on `host`: one of its domains, or the edge's own.
    pub fn has_page_on(&self, site: &Site, host: &str) -> bool {
        site.owns(host) || host.eq_ignore_ascii_case(self.caller.host)
    }

    /// Whether the browser says that a page of the same site led here (Fetch Metadata, `Sec-Fetch-Site`).
    pub fn comes_from_same_site(&self) -> bool {
        self.header("sec-fetch-site").starts_with("same-")
    }

    /// Whether nobody follows a link by this (Fetch Metadata, `Sec-Fetch-Dest`): a script on a page asks, by `fetch` or XMLHttpRequest, or the page
    /// itself, for an image or a frame that nobody tapped. A service worker that hands on what a page asks for names a script's destination.
    pub fn is_no_navigation(&self) -> bool {
        match self.header("sec-fetch-dest").as_str() {
            // Browsers before 2023 do not say.
            "" | "document" => false,
            "empty" => !self.navigates(),
            // Safari never says that somebody tapped (MDN, `Sec-Fetch-User`); Chromium, which names its brands, does.
            "iframe" | "frame" | "object" | "embed" => {
                self.header("sec-fetch-user") != "?1" && !self.header("sec-ch-ua").is_empty()
            }
            _ => true,
        }
    }

    /// Whether the browser objects to being tracked, in a way that the settings respect.
    pub fn has_objected(&self) -> bool {
        let says = |name| self.header(name) == "1";
        self.config.respect_gpc && says("sec-gpc") || self.config.respect_dnt && says("dnt")
    }

    /// A binding's own object; `None` when it is not bound.
    pub fn binding(&self, name: &str) -> Option<JsValue> {
        runtime::binding(self.env, name)
    }
}

/// Keeps a record after the answer: through the queue, which hands it out after `delay_s` seconds, else in the ledger at
/// once, else in the log, so that it can be found.
pub fn keep(env: &Env, context: &Context, message: &Message, delay_s: u32) {
    let Ok(message) = json::text(message) else {
        return runtime::log_error("a record could not be written as JSON");
    };
    runtime::send_to_queue(env, context, &message, delay_s.min(LONGEST_DELAY_S));
}

/// Hands a message to the queue, which hands it out after `delay_s` seconds, and waits until the queue has it.
///
/// # Errors
/// In words for the log: nobody has it then.
pub async fn enqueue(env: &Env, message: &Message, delay_s: u32) -> Result<(), String> {
    let message = serde_json::to_string(message).map_err(|why| why.to_string())?;
    let sent = runtime::enqueue(env, &message, delay_s.min(LONGEST_DELAY_S));
    promised(&sent)
        .await
        .map(drop)
        .map_err(|why| runtime::words(&why))
}

async fn keep_in_ledger(env: &Env, config: &Config, record: &Record) -> Result<(), Unavailable> {
    let database = Database::bound(env, config.database_of(record.website_id()))?;
    ledger::write(&database, &[record]).await
}

/// How long the ledger may take to keep what the queue did not take, in ms: see `QUEUE_MS` of `runtime.js`.
const RESCUE_MS: u64 = 15_000;

/// Keeps what the queue did not take; `why` is what it said.
pub async fn keep_without_queue(env: &Env, config: &Config, message: &str, why: &str) {
    let kept = match serde_json::from_str(message) {
        Ok(Message::Deliver(_) | Message::Telegram(_) | Message::Pixel(_) | Message::Start(_)) => {
            Err("only the queue can deliver it".to_owned())
        }
        // Its rows stand: the sweeper finds them.
        Ok(Message::Owed(_) | Message::Outbox(_)) => {
            return runtime::log_warning(&format!("the queue: {why}"));
        }
        Ok(Message::Keep(record)) => {
            let kept = pin!(keep_in_ledger(env, config, &record));
            // Repeating it does no harm: a row that stands is not written again.
            match future::select(kept, pin!(runtime::sleep(RESCUE_MS))).await {
                Either::Left((kept, _)) => kept.map_err(|why| why.to_string()),
                Either::Right(_) => Err(format!("no answer within {RESCUE_MS} ms")),
            }
        }
        Err(why) => Err(why.to_string()),
    };
    if let Err(second) = kept {
        let line = json!({ "lost": "neither queue nor ledger took a record", "queue": why, "ledger": second, "record": message });
        runtime::log_error(&line.to_string());
    }
}
