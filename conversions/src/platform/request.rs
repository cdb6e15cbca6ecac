//! A request, ready to be made.

use std::fmt;

use form_urlencoded::Serializer;
use serde::Serialize;

use super::Skip;
use crate::Secret;

/// What a request is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To count.
    Deliver,
    /// To see whether it would be accepted, by the platform's own test door.
    Test,
}

/// A request. Its headers and body may hold secrets and do not show themselves in a log.
#[derive(Clone)]
pub struct Request {
    /// In capitals.
    pub method: &'static str,
    /// Where to, safe to log: no secret is in it.
    pub url: String,
    /// What is appended to the address, where the platform takes its secret there: the parameter's name and value.
    secret_parameter: Option<(&'static str, Secret)>,
    /// Header names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Request {
    /// One of JSON.
    pub(super) fn json(url: String, body: &impl Serialize) -> Self {
        Self {
            method: "POST",
            url,
            secret_parameter: None,
            headers: vec![("Content-Type", "application/json".to_owned())],
            // Only a map whose keys are no strings could fail.
            body: serde_json::to_string(body).unwrap_or_default(),
        }
    }

    /// One of a form's fields.
    pub(super) fn form<'a>(
        url: String,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let content_type = "application/x-www-form-urlencoded";
        Self {
            method: "POST",
            url,
            secret_parameter: None,
            headers: vec![("Content-Type", content_type.to_owned())],
            body: Serializer::new(String::new()).extend_pairs(fields).finish(),
        }
    }

    /// One that only asks, with a parameter.
    pub(super) fn get(url: &str, name: &str, value: &str) -> Self {
        Self {
            method: "GET",
            url: with_parameter(format!("{url}?"), name, value),
            secret_parameter: None,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// With an access token (RFC 6750, 2.1).
    pub(super) fn bearer(self, token: &Secret) -> Self {
        self.header("Authorization", format!("Bearer {}", token.reveal()))
    }

    /// With another header.
    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a secret as a parameter of the address.
    pub(super) fn secret_parameter(mut self, name: &'static str, secret: &Secret) -> Self {
        self.secret_parameter = Some((name, secret.clone()));
        self
    }

    /// The address to call. It may hold a secret: never log it.
    pub fn target(&self) -> String {
        let Some((name, secret)) = &self.secret_parameter else {
            return self.url.clone();
        };
        let mark = if self.url.contains('?') { '&' } else { '?' };
        with_parameter(format!("{}{mark}", self.url), name, secret.reveal())
    }
}

/// An address as far as its mark, with a parameter behind it.
fn with_parameter(start: String, name: &str, value: &str) -> String {
    let length = start.len();
    Serializer::for_suffix(start, length)
        .append_pair(name, value)
        .finish()
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &headers)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why there is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// No conversion, or more than the platform takes at once.
    BatchSize,
    /// A conversion that can't be sent there.
    Skip {
        /// Which of them.
        index: usize,
        /// Why not.
        skip: Skip,
    },
    /// The platform takes a bearer token, and none was given.
    NoBearer,
    /// A test needs the platform's test event code, and the settings have none: whatever is sent would count.
    NoTestCode,
    /// The platform has no test door: whatever is sent counts.
    NoTestDoor,
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BatchSize => {
                formatter.write_str("no conversion, or more than the platform takes at once")
            }
            Self::Skip { index, skip } => write!(formatter, "conversion {index}: {skip}"),
            Self::NoBearer => formatter.write_str("needs an access token"),
            Self::NoTestCode => formatter.write_str("a test needs testEventCode in the settings"),
            Self::NoTestDoor => formatter.write_str("the platform has no way to test"),
        }
    }
}

impl std::error::Error for RequestError {}
