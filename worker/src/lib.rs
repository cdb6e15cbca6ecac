//! Edgeway at the edge: the doors of a Cloudflare Worker.
//!
//! A request goes from a door through [`routes`] to a surface ([`track`], [`site`], [`health`]), from there to the
//! backend that is configured ([`ledger`] or [`adtarget`]), and what can be done after the answer goes through the queue
//! to [`queue`]. The entry that Cloudflare calls is `entry.js`; it holds no more than what must be JavaScript.

pub mod adtarget;
pub mod answer;
pub mod api;
pub mod caller;
pub mod config;
pub mod cookies;
pub mod edge;
pub mod error;
pub mod files;
pub mod health;
pub mod hooks;
pub mod ids;
pub mod invites;
pub mod ledger;
pub mod message;
pub mod outbox;
pub mod queue;
pub mod record;
pub mod routes;
pub mod runtime;
pub mod site;
pub mod sweeper;
pub mod telegram;
pub mod track;

use std::cell::OnceCell;
use std::future::Future;
use std::task::{Context as TaskContext, Poll, Waker};

use futures_util::FutureExt;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};
use worker::Env;

use crate::answer::Answer;
use crate::caller::Caller;
use crate::config::Config;
use crate::edge::Edge;
use crate::error::Error;
use crate::routes::Route;
use crate::runtime::Context;

/// The most that the body of a POST to `url` may hold, in bytes, where the worker reads it whole; none: it streams through.
#[wasm_bindgen]
pub fn body_limit(env: &Env, url: &str) -> Option<u32> {
    let head = ["POST", url].join("\n");
    Route::of(Caller::read(&head).path, &config(env).prefix).body_limit()
}

/// A request comes in: its head as `inbound` of `runtime.js` packs it, and its body where there
/// is a [`body_limit`] (none: too large).
/// What can be answered without waiting is answered at once, as a Response; else as a ticket for one.
#[wasm_bindgen]
pub fn fetch(
    request: Request,
    head: String,
    body: Option<Vec<u8>>,
    env: Env,
    context: Context,
) -> JsValue {
    let mut answer = Box::pin(async move {
        let config = config(&env);
        let caller = Caller::read(&head);
        let route = Route::of(caller.path, &config.prefix);
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
        answer(&edge, &route).await
    });
    match answer
        .as_mut()
        .poll(&mut TaskContext::from_waker(Waker::noop()))
    {
        Poll::Ready(response) => response.into(),
        // Polled again at once, now with a waker that wakes.
        Poll::Pending => runtime::ticket(async move { answer.await.into() }),
    }
}

/// The queue has messages. Gives a ticket.
#[wasm_bindgen]
pub fn queue(batch: queue::Batch, env: Env) -> JsValue {
    // Repeating a batch does no harm: see `consume`.
    runtime::ticket(async move {
        queue::consume(&batch, &env, config(&env)).await;
        JsValue::UNDEFINED
    })
}

/// The clock has struck: a cron trigger of `wrangler.toml`. Gives a ticket.
#[wasm_bindgen]
pub fn scheduled(env: Env) -> JsValue {
    // Repeating it does no harm: see `sweep`.
    runtime::ticket(async move {
        sweeper::sweep(&env, config(&env)).await;
        JsValue::UNDEFINED
    })
}

async fn answer(edge: &Edge<'_>, route: &Route<'_>) -> Response {
    if let Some(methods) = route.methods().filter(|methods| {
        !methods
            .split(", ")
            .any(|method| method == edge.caller.method)
    }) {
        return Answer::from(Error::MethodNotAllowed(methods)).into_response();
    }
    if *route == Route::Page {
        return page(edge)
            .await
            .unwrap_or_else(|error| Answer::from(error).into_response());
    }
    // Boxed, so that they take no room in the future of every visit and click.
    let apart = match route {
        Route::Api(path) => Some(api::answer(edge, path).boxed_local()),
        Route::TelegramHook(bot) => Some(hooks::telegram::receive(edge, bot).boxed_local()),
        Route::Hook(source) => Some(hooks::signed::receive(edge, source).boxed_local()),
        Route::Health => Some(health::health(edge).boxed_local()),
        _ => None,
    };
    if let Some(apart) = apart {
        return apart.await.into_response();
    }
    let cors = track::cors_headers(edge);
    if edge.caller.method == "OPTIONS" {
        return with_cors(track::preflight(), cors).into_response();
    }
    let answer = match route {
        Route::Tracker(file) => return files::tracker(edge, file, cors.as_deref()).await,
        Route::Init => track::init::init(edge).await,
        Route::UpdateFbp => track::update_fbp::update_fbp(edge).await,
        Route::Invite => track::click::invite(edge).await,
        Route::Events => track::events::events(edge).boxed_local().await,
        Route::Channel(slug) => track::click::channel(edge, slug).await,
        _ => Err(Error::Internal),
    };
    with_cors(answer.unwrap_or_else(Answer::from), cors).into_response()
}

async fn page(edge: &Edge<'_>) -> Result<Response, Error> {
    match &edge.config.front {
        Some(front) => site::page(edge, front).await,
        None => files::page(edge).await,
    }
}

/// Lets pages of configured sites read the answer, and tells caches that it differs by origin.
fn with_cors(answer: Answer, cors: Option<String>) -> Answer {
    let lines = cors.unwrap_or_default();
    let named = lines.lines().filter_map(|line| line.split_once(':'));
    named.fold(answer.header("vary", "origin"), |answer, (name, value)| {
        answer.header(name, value)
    })
}

/// The settings, read at the first request; they live as long as the instance.
fn config(env: &Env) -> &'static Config {
    thread_local! {
        static CONFIG: OnceCell<&'static Config> = const { OnceCell::new() };
    }
    CONFIG.with(|config| {
        *config.get_or_init(|| {
            let variable = |name: &str| runtime::variable(env, name);
            let limits_calls = ["RATE_LIMIT_ADDRESS", "RATE_LIMIT_VISITOR", "RATE_LIMIT_KEY"]
                .into_iter()
                .any(|name| runtime::binding(env, name).is_some());
            let config = Config::read(&variable, limits_calls);
            for problem in &config.problems {
                runtime::log_error(&format!("setting {}: {}", problem.setting, problem.message));
            }
            Box::leak(Box::new(config))
        })
    })
}
