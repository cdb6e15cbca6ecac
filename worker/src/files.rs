//! Static files: the tracker, the operator's page, and the demo page where no site stands behind the worker.

use web_sys::Response;

use crate::answer::{self, Answer};
use crate::edge::Edge;
use crate::error::Error;
use crate::routes::is_hashed;
use crate::runtime;
use crate::track;

/// The tracker or what belongs to it: for good where the name holds the hash, else for an hour.
pub async fn tracker(edge: &Edge<'_>, file: &str, origin: Option<&str>) -> Response {
    let mut response = match asset(edge, &format!("/{file}")).await {
        Ok(response) => response,
        Err(error) => return Answer::from(error).into_response(),
    };
    let mut life = if is_hashed(file) {
        "max-age=31536000, immutable"
    } else {
        "max-age=3600, stale-while-revalidate=86400"
    };
    // A page that names the tracker of an earlier version gets today's, unless it wants that one's very bytes.
    if response.status() == 404 && is_hashed(file) && !file.ends_with(".core.js") {
        life = "no-store";
        // Repeating it does no harm: it reads.
        if let Ok(today) = asset(edge, "/t.js").await {
            response = today;
        }
    }
    let status = response.status();
    let is_kept = matches!(status, 200..=299 | 304);
    let life = if is_kept { life } else { "no-store" };
    let answer = Answer::empty(status)
        .header("cache-control", &format!("public, {life}"))
        .header("x-content-type-options", "nosniff")
        // For pages that let in what says that it may be let in (Cross-Origin-Embedder-Policy).
        .header("cross-origin-resource-policy", "cross-origin");
    let mut answer = track::with_cors(answer, origin);
    let mut replaced = "cache-control";
    if file.ends_with(".d.ts") {
        // By its name's end it would be a film.
        answer = answer.header("content-type", "text/plain; charset=utf-8");
        replaced = "cache-control,content-type";
    }
    answer::amended(&response, answer.headers(), replaced)
}

/// What a browser is told of the operator's page: it takes code and data from the edge alone, and stands in no frame.
const OPS_HEADERS: &str = "cache-control:no-cache\n\
    content-security-policy:default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\n\
    referrer-policy:no-referrer\n\
    x-content-type-options:nosniff\n\
    x-frame-options:DENY";

/// The operator's page or what belongs to it. It holds no data: that it asks of the API, with the operator's key.
///
/// # Errors
/// `INTERNAL_ERROR`: there are no files here.
pub async fn ops(edge: &Edge<'_>, file: &str) -> Result<Response, Error> {
    // Repeating it does no harm: it reads.
    let response = asset(edge, &format!("/ops/{file}")).await?;
    Ok(answer::amended(&response, OPS_HEADERS, "cache-control"))
}

/// A file of `www`.
///
/// # Errors
/// `INTERNAL_ERROR`: there are no files here.
pub async fn page(edge: &Edge<'_>) -> Result<Response, Error> {
    asset(edge, edge.caller.path).await
}

async fn asset(edge: &Edge<'_>, path: &str) -> Result<Response, Error> {
    let Some(assets) = edge.binding("ASSETS") else {
        runtime::log_error("ASSETS is not bound");
        return Err(Error::Internal);
    };
    runtime::asset(&assets, edge.request, path)
        .await
        .map_err(|why| {
            runtime::log_error(&format!("ASSETS: {why}"));
            Error::Internal
        })
}
