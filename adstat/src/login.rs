//! Logging in, and the two tokens that come of it: the access token, which every call bears, and the refresh token, which brings the next
//! one and dies 30 days after the login.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::Deserialize;

use crate::answer::{Failure, success};
use crate::request::{Host, Request};

/// How long a refresh token lives, in s.
pub const REFRESH_LIFE_S: u64 = 30 * 86_400;

/// A token (secret). It shows itself in no log.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// The token that `text` is.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The token itself. Only for AdStat.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// When it ends, Unix time in s, where it is a JWT that says so (RFC 7519, 4.1.4). The documentation does not say what tokens are.
    pub fn expires_s(&self) -> Option<u64> {
        #[derive(Deserialize)]
        struct Claims {
            exp: f64,
        }
        let claims = self.0.split('.').nth(1)?.trim_end_matches('=');
        let claims = Base64UrlUnpadded::decode_vec(claims).ok()?;
        let Claims { exp } = serde_json::from_slice(&claims).ok()?;
        (exp > 0.0).then_some(exp as u64)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(redacted)")
    }
}

/// What a login gives. Its `user_id` is of no use here.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct LoggedIn {
    /// For calls.
    pub access_token: Token,
    /// For the next access token.
    pub refresh_token: Token,
}

/// What a renewal gives.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Renewed {
    /// For calls.
    pub access_token: Token,
}

impl LoggedIn {
    /// Reads the answer to [`login`].
    ///
    /// # Errors
    /// [`Failure`]
    pub fn read(status: u16, body: &str) -> Result<Self, Failure> {
        Ok(serde_json::from_str(success(status, body)?)?)
    }
}

impl Renewed {
    /// Reads the answer to [`renewal`].
    ///
    /// # Errors
    /// [`Failure`]
    pub fn read(status: u16, body: &str) -> Result<Self, Failure> {
        Ok(serde_json::from_str(success(status, body)?)?)
    }
}

/// `POST /v2/login` with a form; [`LoggedIn`] comes of it.
pub fn login(username: &str, password: &str) -> Request {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("username", username);
    form.append_pair("password", password);
    Request {
        headers: vec![(
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        )],
        body: form.finish(),
        ..Request::new(Host::Client, "POST", "/v2/login")
    }
}

/// `GET /v2/access-token` with the refresh token; [`Renewed`] comes of it, or 401 when the token is dead.
pub fn renewal(refresh: &Token) -> Request {
    Request {
        headers: vec![("refresh_token", refresh.reveal().to_owned())],
        ..Request::new(Host::Client, "GET", "/v2/access-token")
    }
}
