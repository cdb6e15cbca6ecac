//! Calls to the ad platforms, and to those who give out their tokens.

use conversions::platform::Request;

use crate::runtime::{self, Call, HeaderLines};

/// How long a platform may take to answer, in ms: a thousand events take it a while.
pub const TIMEOUT_MS: u32 = 20_000;

/// Makes a request and reads the answer.
///
/// # Errors
/// In words, without a secret: no answer came.
pub async fn call(request: &Request) -> Result<runtime::Reply, String> {
    let mut headers = HeaderLines::new();
    for (name, value) in &request.headers {
        headers.add(name, value);
    }
    let target = request.target();
    let call = Call {
        url: &target,
        method: request.method,
        headers: headers.as_str(),
        body: &request.body,
        timeout_ms: TIMEOUT_MS,
    };
    // Repeating it does no harm: see who makes the request.
    let answer = call.send().await;
    answer.map_err(|why| why.replace(&target, &request.url))
}
