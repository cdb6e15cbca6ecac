//! The platform, as far as the hot paths use it: `web_sys` types pass through as handles, and what must be read crosses
//! the WebAssembly border once, as one string (`runtime.js`).

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use crate::tasks::{self, promised, promised_within};

/// Connections that one invocation may hold at once (a limit of the platform).
pub const CONNECTIONS: usize = 6;

#[wasm_bindgen(module = "/src/runtime.js")]
extern "C" {
    /// A variable's or secret's text; `None` when it is not set. A boolean, a number or JSON among the variables is read as it is written.
    pub fn variable(env: &Env, name: &str) -> Option<String>;

    /// Country (two letters), region and city of the client, a line each, as the platform located it.
    pub fn place(request: &Request) -> String;

    /// An answer made here; its headers are lines of `name:value`.
    #[wasm_bindgen(js_name = answer)]
    pub fn respond(status: u16, headers: &str, body: &str) -> Response;

    /// See [`crate::answer::amended`].
    #[wasm_bindgen(catch, js_name = amended)]
    pub fn amend(response: &Response, headers: &str, removed: &str) -> Result<Response, JsValue>;

    /// An answer's status, Location, Content-Type, Content-Encoding and Content-Disposition, a line each.
    pub fn head(response: &Response) -> String;

    /// The page that `request` asked for, amended as by [`crate::answer::amended`], with its Telegram links replaced, as the door `link` says, and the tracker's
    /// tag added (none where it is empty), streamed. Fails where the platform can't read it, as of a charset of no name.
    #[wasm_bindgen(catch)]
    pub fn decorated(
        response: &Response,
        request: &Request,
        env: &Env,
        website_id: &str,
        tag: &str,
        headers: &str,
        removed: &str,
    ) -> Result<Response, JsValue>;

    #[wasm_bindgen(js_name = afterAnswer)]
    fn after_answer(context: &Context, ticket: usize);

    #[wasm_bindgen(js_name = call)]
    fn send(head: &str, body: &str, limit: u32, timeout_ms: u32) -> Promise;

    // A text goes over the border by itself at less cost.
    #[wasm_bindgen(js_name = call)]
    fn send_object(head: &str, body: &JsValue, limit: u32, timeout_ms: u32) -> Promise;

    #[wasm_bindgen(catch, js_name = passOn)]
    fn forward(
        request: &Request,
        env: &Env,
        url: &str,
        headers: &str,
        withheld: &str,
    ) -> Result<Promise, JsValue>;

    /// Hands a message to the queue after the answer, to be handed out after `delay_s` seconds; the door `rescue` has it when
    /// the queue does not take it.
    #[wasm_bindgen(js_name = keep)]
    pub fn send_to_queue(env: &Env, context: &Context, message: &str, delay_s: u32);

    /// Hands a message to the queue, to be handed out after `delay_s` seconds; resolves when the queue has it.
    pub fn enqueue(env: &Env, message: &str, delay_s: u32) -> Promise;

    #[wasm_bindgen(js_name = signRs256)]
    fn start_signing(pkcs8: &[u8], text: &str) -> Promise;

    #[wasm_bindgen(js_name = sleep)]
    fn start_sleep(ms: u32) -> Promise;

    #[wasm_bindgen(js_name = limit)]
    fn ask_limiter(limiter: &JsValue, key: &str) -> Promise;

    #[wasm_bindgen(catch, js_name = asset)]
    fn fetch_asset(assets: &JsValue, request: &Request, path: &str) -> Result<Promise, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn date_now() -> f64;

    /// Writes a line that an operator must see to the log.
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    pub fn log_error(line: &str);

    /// Writes a line that may answer an operator's question to the log.
    #[wasm_bindgen(js_namespace = console, js_name = warn)]
    pub fn log_warning(line: &str);

    /// Bindings, variables and secrets.
    #[derive(Clone)]
    pub type Env;

    /// The context of an invocation: what was started in it may go on after its answer.
    #[derive(Clone)]
    pub type Context;
}

impl Context {
    /// Runs `work` without keeping the answer waiting.
    pub fn after_answer(&self, work: impl Future<Output = ()> + 'static) {
        after_answer(self, tasks::spawn(work));
    }
}

/// An hour in ms.
pub const HOUR_MS: u64 = 3_600_000;
/// A day in ms.
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// Now, Unix time in ms. It stands still between two pieces of I/O (a rule of the platform).
pub fn now_ms() -> u64 {
    date_now() as u64
}

/// Waits so many ms.
pub async fn sleep(ms: u64) {
    // It never fails.
    let _ = promised(&start_sleep(u32::try_from(ms).unwrap_or(u32::MAX))).await;
}

/// The RSASSA-PKCS1-v1_5 signature with SHA-256 of a text, by a private key (PKCS #8, DER).
///
/// # Errors
/// In words: the key is none.
pub async fn sign_rs256(pkcs8: &[u8], text: &str) -> Result<Vec<u8>, String> {
    let signature = promised(&start_signing(pkcs8, text)).await;
    let signature = signature.map_err(|why| words(&why))?;
    Ok(js_sys::Uint8Array::new(&signature).to_vec())
}

/// Headers in the making, a line of `name:value` each: of an answer, or of a call.
#[derive(Debug, PartialEq, Eq)]
pub struct HeaderLines(String);

/// What the header lines of most answers fit in, in bytes.
const ROOM: usize = 1024;

impl HeaderLines {
    /// None yet.
    pub fn new() -> Self {
        Self(String::with_capacity(ROOM))
    }

    /// Adds a header. A value that would end the line is left out: no caller's words can make a header of their own.
    #[inline(never)]
    pub fn add(&mut self, name: &str, value: &str) {
        // Every byte is looked at: asking after each whether to go on would cost more.
        let ends = |byte: u8| matches!(byte, b'\r' | b'\n' | 0);
        if !value.bytes().fold(false, |any, byte| any | ends(byte)) {
            self.begin(name).push_str(value);
        }
    }

    /// Begins a header; its value, which is known to hold no line's end, is to be written behind.
    pub fn begin(&mut self, name: &str) -> &mut String {
        let Self(lines) = self;
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(name);
        lines.push(':');
        lines
    }

    /// The lines.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for HeaderLines {
    fn default() -> Self {
        Self::new()
    }
}

/// A server's answer, read whole.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The Location header, or empty.
    pub location: String,
    /// When the server wants to be asked again, in s.
    pub retry_after_s: Option<u32>,
    /// The X-Idempotent-Replay header, or empty.
    pub idempotent_replay: String,
    /// The body.
    pub body: String,
}

impl Reply {
    /// Reads the lines that `call` of `runtime.js` gives.
    fn read(packed: &str) -> Option<Self> {
        let mut lines = packed.splitn(5, '\n');
        Some(Self {
            status: lines.next()?.parse().ok()?,
            location: lines.next()?.to_owned(),
            retry_after_s: lines.next()?.parse().ok(),
            idempotent_replay: lines.next()?.to_owned(),
            body: lines.next()?.to_owned(),
        })
    }
}

/// A call to another server.
#[derive(Debug)]
pub struct Call<'a> {
    /// Where to.
    pub url: &'a str,
    /// In capitals.
    pub method: &'a str,
    /// Lines of `name:value`.
    pub headers: &'a str,
    /// Empty: none.
    pub body: &'a str,
    /// How long to wait for the whole answer, in ms.
    pub timeout_ms: u32,
}

/// The most an answer of another server may hold, in bytes: AdTarget shows a lead with all its conversions.
const REPLY_LIMIT: u32 = 1024 * 1024;

impl Call<'_> {
    /// Sends it, follows no redirect, and reads the answer.
    ///
    /// # Errors
    /// In words for the log: no answer in time, connection refused or cut, an answer too large.
    pub async fn send(&self) -> Result<Reply, String> {
        let promise = send(&self.head(), self.body, REPLY_LIMIT, self.timeout_ms);
        // Each caller says for itself why repeating it does no harm.
        self.reply(&promise).await
    }

    /// The same with another body, of the platform's own, and an answer of at most `limit` bytes.
    ///
    /// # Errors
    /// The same.
    pub async fn send_object(&self, body: &JsValue, limit: u32) -> Result<Reply, String> {
        let promise = send_object(&self.head(), body, limit, self.timeout_ms);
        // Each caller says for itself why repeating it does no harm.
        self.reply(&promise).await
    }

    fn head(&self) -> String {
        [self.method, self.url, self.headers].join("\n")
    }

    async fn reply(&self, promise: &Promise) -> Result<Reply, String> {
        // Each caller says for itself why repeating it does no harm.
        match promised_within(self.timeout_ms, promise).await {
            Ok(packed) => packed
                .as_string()
                .and_then(|packed| Reply::read(&packed))
                .ok_or_else(|| "unreadable answer".to_owned()),
            Err(error) => Err(words(&error)),
        }
    }
}

/// Sends the request on to `url` with its own method, headers and body, less what no browser has to send, a key of the edge's own and the
/// headers named in `withheld` (comma-separated), with `headers` set.
///
/// # Errors
/// In words for the log: the server can't be reached.
pub async fn pass_on(
    request: &Request,
    env: &Env,
    url: &str,
    headers: &str,
    withheld: &str,
) -> Result<Response, String> {
    let promise = forward(request, env, url, headers, withheld).map_err(|error| words(&error))?;
    let response = promised(&promise).await.map_err(|error| words(&error))?;
    Ok(response.unchecked_into())
}

/// A static file, under the request's own conditions.
///
/// # Errors
/// In words for the log.
pub async fn asset(assets: &JsValue, request: &Request, path: &str) -> Result<Response, String> {
    let promise = fetch_asset(assets, request, path).map_err(|error| words(&error))?;
    let response = promised(&promise).await.map_err(|error| words(&error))?;
    Ok(response.unchecked_into())
}

/// Whether a rate-limiting binding lets a call of `key` pass.
///
/// # Errors
/// In words for the log: it does not answer.
pub async fn is_within_limit(limiter: &JsValue, key: &str) -> Result<bool, String> {
    match promised(&ask_limiter(limiter, key)).await {
        Ok(answer) => Ok(answer.is_truthy()),
        Err(error) => Err(words(&error)),
    }
}

/// What a JavaScript error says.
pub fn words(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => error
            .as_string()
            .unwrap_or_else(|| "unknown error".to_owned()),
    }
}

/// A binding's own object; `None` when it is not bound.
pub fn binding(env: &Env, name: &str) -> Option<JsValue> {
    js_sys::Reflect::get(env, &JsValue::from_str(name))
        .ok()
        .filter(JsValue::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_makes_a_header_of_its_own() {
        let mut headers = HeaderLines::new();
        headers.add("a", "b\r\nset-cookie: x=y");
        headers.add("c", "d");
        headers.add("e", "f");
        assert_eq!(headers.as_str(), "c:d\ne:f");
    }
}
