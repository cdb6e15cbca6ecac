//! AdStat on the wire: calls to its two hosts. Nothing of the operator's own request goes along but what is put there by hand.

use ::adstat::{Host, Request};
use conversions::Secret;
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::config::AdStat;
use crate::runtime::{self, Call, HeaderLines, Reply};
use crate::tasks::promised;

/// The most that an answer may hold, in bytes: 500 ads, or the whole of KKTU.
const REPLY_LIMIT: u32 = 8 * 1024 * 1024;

#[wasm_bindgen(module = "/src/runtime.js")]
extern "C" {
    #[wasm_bindgen(js_name = readForm)]
    fn read_form(request: &web_sys::Request, field: &str, limit: u32) -> Promise;
}

/// What goes along as the body.
pub enum Body<'a> {
    /// The request's own text.
    Own,
    /// The operator's body, as it comes in, of that content type.
    Streamed(&'a web_sys::Request, &'a str),
    /// Those bytes, of that content type.
    Bytes(&'a JsValue, &'a str),
}

/// Makes a call, with a token but for logging in.
///
/// # Errors
/// In words for the log: no answer in time, connection refused or cut, an answer too large.
pub async fn send(
    adstat: &AdStat,
    request: &Request,
    token: Option<&Secret>,
    body: Body<'_>,
    timeout_ms: u32,
) -> Result<Reply, String> {
    let base = match request.host {
        Host::Client => &adstat.base,
        Host::ClientApi => &adstat.api_base,
    };
    let url = [base, request.target.as_str()].concat();
    let mut headers = HeaderLines::new();
    headers.add("accept", "application/json");
    for (name, value) in &request.headers {
        headers.add(name, value);
    }
    if let Some(token) = token {
        headers.add("authorization", &["Bearer ", token.reveal()].concat());
    }
    let (body, content_type) = match body {
        Body::Own => (JsValue::from_str(&request.body), None),
        Body::Streamed(request, content_type) => (request.into(), Some(content_type)),
        Body::Bytes(bytes, content_type) => (bytes.clone(), Some(content_type)),
    };
    if let Some(content_type) = content_type {
        headers.add("content-type", content_type);
    }
    let call = Call {
        url: &url,
        method: request.method,
        headers: headers.as_str(),
        body: "",
        timeout_ms,
    };
    // Each caller says for itself why repeating it does no harm.
    call.send_object(&body, REPLY_LIMIT).await
}

/// A multipart body.
pub struct Form {
    /// Its field `title`; empty: there is none.
    pub title: String,
    /// The file's name; empty: there is none.
    pub file: String,
    /// What the file holds.
    pub bytes: Vec<u8>,
    /// The whole of it.
    pub whole: JsValue,
}

/// Reads a multipart body of at most `limit` bytes with the file `field`; `None`: it is larger.
///
/// # Errors
/// In words for the log: it is no multipart body.
pub async fn form(
    request: &web_sys::Request,
    field: &str,
    limit: u32,
) -> Result<Option<Form>, String> {
    let read = promised(&read_form(request, field, limit)).await;
    let read = read.map_err(|why| runtime::words(&why))?;
    if read.is_undefined() {
        return Ok(None);
    }
    let parts = js_sys::Array::from(&read);
    let text = |place| parts.get(place).as_string().unwrap_or_default();
    Ok(Some(Form {
        title: text(0),
        file: text(1),
        bytes: js_sys::Uint8Array::new(&parts.get(2)).to_vec(),
        whole: parts.get(3),
    }))
}
