//! Edgeway at the edge: one crate, linked into the two WebAssembly modules of a Cloudflare Worker, whose doors are
//! `bin/visitors.rs` (what a visitor waits for) and `bin/backoffice.rs` (everything else). Each module holds what its doors
//! reach, and no more.
//!
//! A request goes from a door through [`routes`] to a surface ([`track`], [`site`], [`api`], [`hooks`], [`health`]), from there to
//! the backend that is configured ([`ledger`] or [`adtarget`]), and what can be done after the answer goes through the queue
//! to [`queue`]. The entry that Cloudflare calls is `entry.js`; it holds no more than what must be JavaScript.

pub mod adstat;
pub mod adtarget;
pub mod allowance;
pub mod answer;
pub mod api;
pub mod caller;
pub mod config;
pub mod cookies;
pub mod durable;
pub mod edge;
pub mod error;
pub mod files;
pub mod health;
pub mod hooks;
pub mod idempotency;
pub mod ids;
pub mod invites;
pub mod json;
pub mod ledger;
pub mod message;
pub mod money;
pub mod notice;
pub mod operator;
pub mod outbox;
pub mod outcomes;
pub mod owed;
pub mod platform;
pub mod queue;
pub mod record;
pub mod report;
pub mod routes;
pub mod runtime;
pub mod site;
pub mod sweeper;
pub mod tasks;
pub mod telegram;
pub mod tokens;
pub mod track;

use std::cell::OnceCell;

use futures_util::FutureExt;
use wasm_bindgen::JsValue;
use web_sys::{Request, Response};

use crate::answer::Answer;
use crate::caller::Caller;
use crate::config::{Config, Destinations, Problem, ReportSettings};
use crate::edge::Edge;
use crate::error::Error;
use crate::routes::{Module, Route};
use crate::runtime::{Context, Env};

// As fast as the one of Rust's own for this target, and smaller by 6 KB of the visitors' module.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The most that the body of a POST to `url` may hold, in bytes, where the worker reads it whole; none: it streams through.
pub fn body_limit(env: &Env, url: &str) -> Option<u32> {
    let head = ["POST", url].join("\n");
    Route::of(Caller::read(&head).path, &config(env).prefix).body_limit()
}

/// A request, as `entry.js` hands it over.
pub struct Inbound {
    /// The platform's own form of it.
    pub request: Request,
    /// Its head, as `inbound` of `runtime.js` packs it.
    pub head: String,
    /// Its body where there is a [`body_limit`]; none: too large.
    pub body: Option<Vec<u8>>,
    /// Bindings, variables and secrets.
    pub env: Env,
    /// For work after the answer.
    pub context: Context,
}

/// Answers a request by `answer`, which has the routes of `module`; `undefined`: it is another module's. What can be answered
/// without waiting is answered at once, as a Response; else as a ticket for one.
pub fn serve<A>(module: Module, inbound: Inbound, answer: A) -> JsValue
where
    A: AsyncFnOnce(&Edge<'_>, &Route<'_>) -> Response + 'static,
{
    let work = async move {
        let Inbound {
            request,
            head,
            body,
            env,
            context,
        } = inbound;
        let config = config(&env);
        let head = caller::as_sent(head);
        let caller = Caller::read(&head);
        let route = Route::of(caller.path, &config.prefix);
        if route.module() != module {
            return JsValue::UNDEFINED;
        }
        let edge = Edge {
            request: &request,
            env: &env,
            context: &context,
            config,
            caller,
            body: body.as_deref().ok_or(Error::PayloadTooLarge(
                route.body_limit().unwrap_or_default(),
            )),
            now_ms: runtime::now_ms(),
        };
        if let Some(methods) = (route.methods()).filter(|methods| {
            !methods
                .split(", ")
                .any(|method| method == edge.caller.method)
        }) {
            return not_allowed(&edge, methods).into_response().into();
        }
        answer(&edge, &route).await.into()
    };
    tasks::start(work.boxed_local())
}

/// The answer to a method that is not among `methods`. Where pages ask ahead what they may send, they may read it.
fn not_allowed(edge: &Edge<'_>, methods: &'static str) -> Answer {
    let answer = Answer::from(Error::MethodNotAllowed(methods));
    match methods.contains("OPTIONS") {
        true => track::with_cors(answer, track::origin_of_site(edge)),
        false => answer,
    }
}

/// What is read once and lives as long as the instance.
type Once<T> = OnceCell<&'static T>;

/// What `once` has; where it has nothing yet, what `read` gives, whose problems are logged.
fn once<T>(
    once: &Once<T>,
    read: impl FnOnce() -> T,
    problems: impl FnOnce(&T) -> &[Problem],
) -> &'static T {
    once.get_or_init(|| {
        let read = read();
        log_problems(problems(&read));
        Box::leak(Box::new(read))
    })
}

/// The settings, read at the first request; they live as long as the instance.
pub fn config(env: &Env) -> &'static Config {
    thread_local! {
        static CONFIG: Once<Config> = const { OnceCell::new() };
    }
    let read = || {
        let limits_calls = ["RATE_LIMIT_ADDRESS", "RATE_LIMIT_VISITOR", "RATE_LIMIT_KEY"]
            .into_iter()
            .any(|name| runtime::binding(env, name).is_some());
        Config::read(&|name| runtime::variable(env, name), limits_calls)
    };
    CONFIG.with(|kept| once(kept, read, |config| &config.problems))
}

/// What the settings have wrong among them; looked for when it is first asked for, and as long-lived.
pub fn review(env: &Env) -> &'static [Problem] {
    thread_local! {
        static REVIEW: Once<Vec<Problem>> = const { OnceCell::new() };
    }
    REVIEW.with(|kept| once(kept, || config(env).review(), Vec::as_slice))
}

/// Where conversions go, by the settings; read when it is first asked for, and as long-lived.
pub fn destinations(env: &Env) -> &'static Destinations {
    thread_local! {
        static DESTINATIONS: Once<Destinations> = const { OnceCell::new() };
    }
    let read = || Destinations::read(config(env), &|name| runtime::variable(env, name));
    DESTINATIONS.with(|kept| once(kept, read, |destinations| &destinations.problems))
}

/// What the report counts money in, by the settings; read when it is first asked for, and as long-lived.
pub fn report_settings(env: &Env) -> &'static ReportSettings {
    thread_local! {
        static REPORT: Once<ReportSettings> = const { OnceCell::new() };
    }
    let read = || ReportSettings::read(&|name| runtime::variable(env, name));
    REPORT.with(|kept| once(kept, read, |settings| &settings.problems))
}

fn log_problems(problems: &[Problem]) {
    for problem in problems {
        runtime::log_error(&format!("setting {}: {}", problem.setting, problem.message));
    }
}
