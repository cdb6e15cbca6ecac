//! The module for what no visitor waits for: the keyed API, hooks, health, the queue, the clock, and what Durable Objects do.
//! It begins when it is first called.

use edgeway_worker::answer::Answer;
use edgeway_worker::config::Config;
use edgeway_worker::durable::Storage;
use edgeway_worker::edge::{self, Edge};
use edgeway_worker::error::Error;
use edgeway_worker::invites::object;
use edgeway_worker::routes::{Module, Route};
use edgeway_worker::runtime::{Context, Env};
use edgeway_worker::{
    Inbound, api, config, health, hooks, operator, queue, review, serve, sweeper, tasks, tokens,
};
use futures_util::FutureExt;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

/// A request comes in that is not the visitors'. See [`serve`].
#[wasm_bindgen]
pub fn fetch(
    request: Request,
    head: String,
    body: Option<Vec<u8>>,
    env: Env,
    context: Context,
) -> JsValue {
    let inbound = Inbound {
        request,
        head,
        body,
        env,
        context,
    };
    serve(Module::Backoffice, inbound, answer)
}

async fn answer(edge: &Edge<'_>, route: &Route<'_>) -> Response {
    // Boxed, so that each takes room for itself alone.
    let answer = match route {
        Route::Api(path) => api::answer(edge, path).boxed_local(),
        Route::TelegramHook(bot) => hooks::telegram::receive(edge, bot).boxed_local(),
        Route::Hook(source) => hooks::signed::receive(edge, source).boxed_local(),
        Route::AdStat(path) => operator::adstat::answer(edge, path).boxed_local(),
        Route::Health => health::health(edge).boxed_local(),
        _ => return Answer::from(Error::Internal).into_response(),
    };
    answer.await.into_response()
}

/// The queue has messages. Gives a ticket.
#[wasm_bindgen]
pub fn queue(batch: queue::Batch, env: Env) -> JsValue {
    // Repeating a batch does no harm: see `consume`.
    begin(async move { queue::consume(&batch, &env, reviewed(&env)).await })
}

/// The clock has struck: a cron trigger of `wrangler.toml`. Gives a ticket.
#[wasm_bindgen]
pub fn scheduled(env: Env) -> JsValue {
    // Repeating it does no harm: see `sweep`.
    begin(async move { sweeper::sweep(&env, reviewed(&env)).await })
}

/// The queue did not take a message; `why` is what it said. Gives a ticket.
#[wasm_bindgen]
pub fn rescue(env: Env, message: String, why: String) -> JsValue {
    // Repeating it does no harm: a row that stands is not written again.
    begin(async move { edge::keep_without_queue(&env, config(&env), &message, &why).await })
}

/// See [`tasks::abandon`].
#[wasm_bindgen]
pub fn abandon(ticket: usize) {
    tasks::abandon(ticket);
}

/// See [`tasks::arrive`].
#[wasm_bindgen]
pub fn arrive(arrival: usize, is_kept: bool, value: JsValue) {
    tasks::arrive(arrival, is_kept, value);
}

// What Durable Objects do: a class in `entry.js` calls it. Answers are texts; none: it failed, and the log has why.

/// See [`object::prepare`].
#[wasm_bindgen]
pub fn pool_prepare(storage: &Storage) -> Option<String> {
    object::prepare(storage)
}

/// See [`object::hand_out`].
#[wasm_bindgen]
pub fn pool_hand_out(storage: &Storage, env: &Env, channel: &str, event: &str) -> Option<String> {
    object::hand_out(storage, env, channel, event)
}

/// See [`object::make`]. Gives a ticket.
#[wasm_bindgen]
pub fn pool_make(storage: Storage, env: Env, channel: String, event: String) -> JsValue {
    // Repeating it does no harm: an event that has a link gets that, and a link made in vain stays in the pool.
    tell(async move { object::make(&storage, &env, &channel, &event).await })
}

/// See [`object::joined`].
#[wasm_bindgen]
pub fn pool_joined(storage: &Storage, name: &str) -> Option<String> {
    object::joined(storage, name)
}

/// See [`object::close`].
#[wasm_bindgen]
pub fn pool_close(storage: &Storage) -> Option<String> {
    object::close(storage)
}

/// See [`object::reopen`].
#[wasm_bindgen]
pub fn pool_reopen(storage: &Storage, env: &Env, channel: &str) -> Option<String> {
    object::reopen(storage, env, channel)
}

/// See [`object::warm`].
#[wasm_bindgen]
pub fn pool_warm(storage: &Storage, env: &Env, channel: &str) -> Option<String> {
    object::warm(storage, env, channel)
}

/// See [`object::status`].
#[wasm_bindgen]
pub fn pool_status(storage: &Storage) -> Option<String> {
    object::status(storage)
}

/// See [`object::ring`]. Gives a ticket.
#[wasm_bindgen]
pub fn pool_alarm(storage: Storage, env: Env) -> JsValue {
    // Repeating it does no harm: see the steps.
    tell(async move { object::ring(&storage, &env).await })
}

/// A token is asked for, of the kind that the object keeps: see [`tokens::object::token`]. Gives a ticket.
#[wasm_bindgen]
pub fn token_ask(storage: Storage, env: Env, kind: String, refused: String) -> JsValue {
    // Repeating it does no harm: what is kept and good is handed out.
    tell(async move { tokens::object::token(&storage, &env, &kind, &refused).await })
}

/// See [`tokens::object::status`].
#[wasm_bindgen]
pub fn token_status(storage: &Storage, env: &Env, kind: &str) -> Option<String> {
    tokens::object::status(storage, env, kind)
}

/// The settings; what they have wrong among them is in the log then, whether or not anybody looks at `/healthz`.
fn reviewed(env: &Env) -> &'static Config {
    review(env);
    config(env)
}

/// Begins work that gives no answer.
fn begin(work: impl Future<Output = ()> + 'static) -> JsValue {
    tasks::start(work.map(|()| JsValue::UNDEFINED).boxed_local())
}

/// Begins work that gives a text.
fn tell(work: impl Future<Output = Option<String>> + 'static) -> JsValue {
    tasks::start(work.map(JsValue::from).boxed_local())
}

// Cargo asks for one.
fn main() {}
