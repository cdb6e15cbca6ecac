//! An answer in the making: status, header lines, body.

use attribution::telegram::TelegramLink;
use serde::Serialize;
use serde_json::json;
use web_sys::Response;

use crate::cookies::{Cookie, Scope};
use crate::error::Error;
use crate::runtime::{self, HeaderLines};

/// What the worker says of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    headers: HeaderLines,
    body: String,
}

impl Answer {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: HeaderLines::new(),
            body: String::new(),
        }
    }

    /// An answer of that body.
    pub fn new(status: u16, content_type: &str, body: String) -> Self {
        let mut answer = Self::empty(status).header("content-type", content_type);
        answer.body = body;
        answer
    }

    /// JSON that no cache keeps.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(text) => Self::json_text(status, text),
            Err(why) => unwritten(&why),
        }
    }

    /// JSON that is written already.
    #[inline(never)]
    pub fn json_text(status: u16, body: String) -> Self {
        Self::new(status, "application/json", body).header("cache-control", "no-store")
    }

    /// The way into Telegram: no cache keeps it, and Telegram learns nothing of the page.
    pub fn redirect(link: &TelegramLink) -> Self {
        Self::empty(302)
            .header("location", link.as_str())
            .header("cache-control", "no-store")
            .header("referrer-policy", "no-referrer")
    }

    /// Adds a header, unless its value would end the line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Says in how many seconds to come back, where that is known.
    #[must_use]
    pub fn retry_after(self, after_s: Option<u32>) -> Self {
        match after_s {
            Some(seconds) => self.header("retry-after", &seconds.to_string()),
            None => self,
        }
    }

    /// The same with another body of its type.
    #[must_use]
    pub fn with_body(mut self, body: String) -> Self {
        self.body = body;
        self
    }

    /// Adds a Set-Cookie header, unless it is of what no cookie can hold.
    #[must_use]
    #[inline(never)]
    pub fn cookie(mut self, scope: Scope<'_>, cookie: Cookie<'_>, value: &str) -> Self {
        if cookie.can_hold(value) {
            scope.write(cookie, value, self.headers.begin("set-cookie"));
        }
        self
    }

    /// The body.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The header lines, `name:value` each.
    pub fn headers(&self) -> &str {
        self.headers.as_str()
    }

    /// The platform's own form of it.
    pub fn into_response(self) -> Response {
        let Self {
            status,
            headers,
            body,
        } = self;
        runtime::respond(status, headers.as_str(), &body)
    }
}

/// What is answered where an answer's JSON can't be written.
#[cold]
#[inline(never)]
fn unwritten(why: &serde_json::Error) -> Answer {
    runtime::log_error(&format!("an answer could not be written: {why}"));
    Answer::from(Error::Internal)
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        let body = json!({ "error": { "code": error.code(), "message": error.to_string() } });
        let answer = Self::json(error.status(), &body);
        match error {
            Error::RateLimited(seconds) | Error::IdempotencyInProgress(seconds) => {
                answer.retry_after(Some(seconds))
            }
            Error::MethodNotAllowed(methods) => answer.header("allow", methods),
            Error::AuthRequired | Error::InvalidKey | Error::RevokedKey => {
                answer.header("www-authenticate", "Bearer")
            }
            _ => answer,
        }
    }
}

/// A copy of an answer whose body streams on: the headers named in `removed` (comma-separated) are taken away, and `headers`
/// added. `INTERNAL_ERROR` where the platform makes no copy.
pub fn amended(response: &Response, headers: &str, removed: &str) -> Response {
    runtime::amend(response, headers, removed).unwrap_or_else(|why| {
        let why = runtime::words(&why);
        runtime::log_error(&format!("an answer could not be amended: {why}"));
        Answer::from(Error::Internal).into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_speaks_as_adtarget_does() {
        let answer = Answer::from(Error::field("href", "missing"));
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.body,
            r#"{"error":{"code":"INVALID_PAYLOAD","message":"href: missing"}}"#
        );
        assert!(
            Answer::from(Error::RateLimited(7))
                .headers()
                .contains("retry-after:7")
        );
    }
}
