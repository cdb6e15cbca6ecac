//! The module that every request meets: visits, clicks, the landing page, the tracker's files. It is small, so that a fresh
//! instance answers soon.

use edgeway_worker::answer::Answer;
use edgeway_worker::edge::Edge;
use edgeway_worker::error::Error;
use edgeway_worker::routes::{Module, Route};
use edgeway_worker::runtime::{Context, Env};
use edgeway_worker::{Inbound, config, files, serve, site, tasks, track};
use futures_util::FutureExt;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

/// See [`edgeway_worker::body_limit`].
#[wasm_bindgen]
pub fn body_limit(env: &Env, url: &str) -> Option<u32> {
    edgeway_worker::body_limit(env, url)
}

/// A request comes in. See [`serve`].
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
    serve(Module::Visitors, inbound, answer)
}

/// A link on a page of that site streams by, behind a tag that names a channel or none. Gives the one to put there; none: it stays.
#[wasm_bindgen]
pub fn link(env: &Env, website_id: &str, channel: Option<String>, href: &str) -> Option<String> {
    site::first_party(config(env).site(website_id)?, channel.as_deref(), href)
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

async fn answer(edge: &Edge<'_>, route: &Route<'_>) -> Response {
    let page = match route {
        Route::Page => Some(page(edge).await),
        Route::Channel(slug) if !track::click::is_short_link(edge, slug) => Some(page(edge).await),
        Route::Ops(file) => Some(files::ops(edge, file).await),
        _ => None,
    };
    if let Some(page) = page {
        return page.unwrap_or_else(|error| Answer::from(error).into_response());
    }
    let origin = track::origin_of_site(edge);
    if edge.caller.method == "OPTIONS" {
        return track::with_cors(track::preflight(), origin).into_response();
    }
    let answer = match route {
        Route::Tracker(file) => return files::tracker(edge, file, origin).await,
        Route::Init => track::init::init(edge).await,
        Route::UpdateFbp => track::update_fbp::update_fbp(edge).await,
        Route::Invite => track::click::invite(edge).await,
        Route::Pixel => track::pixel::pixel(edge).boxed_local().await,
        Route::Events => track::events::events(edge).boxed_local().await,
        Route::Channel(slug) => track::click::channel(edge, slug).await,
        _ => Err(Error::Internal),
    };
    track::with_cors(answer.unwrap_or_else(Answer::from), origin).into_response()
}

async fn page(edge: &Edge<'_>) -> Result<Response, Error> {
    match &edge.config.front {
        Some(front) => site::page(edge, front).await,
        None => files::page(edge).await,
    }
}

// Cargo asks for one.
fn main() {}
