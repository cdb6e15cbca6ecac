//! The access token that Google's API is called with: from a service account (RFC 7523) or a refresh token (RFC 6749).

use std::fmt;

use crate::Secret;
use crate::platform::{Reply, Request};

/// What a token may be used for.
pub const SCOPE: &str = "https://www.googleapis.com/auth/datamanager";

/// A service account's key, as Google's console gives it in a JSON file.
#[derive(Debug, Clone)]
pub struct ServiceAccount {}

/// What is to be signed to ask for a token.
#[derive(Debug, Clone)]
pub struct SigningInput {
    /// The text to sign with RSASSA-PKCS1-v1_5 and SHA-256 (`RS256`).
    pub text: String,
}

impl ServiceAccount {
    /// Reads the JSON of a key file.
    ///
    /// # Errors
    /// Which field is wrong; never what is in it.
    pub fn parse(json: &str) -> Result<Self, CredentialsError> {
        todo!()
    }

    /// The private key, PKCS #8 in DER, as WebCrypto imports it.
    pub fn private_key(&self) -> &[u8] {
        todo!()
    }

    /// What is to be signed to ask for a token that lives for an hour. `now_ms` is Unix time in ms.
    pub fn signing_input(&self, now_ms: u64) -> SigningInput {
        todo!()
    }

    /// The request that trades a signed text for a token.
    pub fn token_request(&self, signed: &SigningInput, signature: &[u8]) -> Request {
        todo!()
    }
}

/// A refresh token of a user who allowed it.
#[derive(Debug, Clone)]
pub struct RefreshToken {}

impl RefreshToken {
    /// Reads the JSON that `gcloud auth application-default login` writes: `client_id`, `client_secret`, `refresh_token`.
    ///
    /// # Errors
    /// Which field is wrong; never what is in it.
    pub fn parse(json: &str) -> Result<Self, CredentialsError> {
        todo!()
    }

    /// The request that trades it for a token.
    pub fn token_request(&self) -> Request {
        todo!()
    }
}

/// A token, and how long it can be used.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token.
    pub token: Secret,
    /// How long it lives from now, in s.
    pub lifetime_s: u32,
}

/// What came of asking for a token.
#[derive(Debug, Clone)]
pub enum TokenReply {
    /// A token.
    Token(AccessToken),
    /// None: [`Reply::outcome`] says what to do.
    None(Reply),
}

/// Reads the answer to a request for a token. `now_ms` is Unix time in ms.
pub fn read_token_reply(
    status: u16,
    retry_after: Option<&str>,
    body: &str,
    now_ms: u64,
) -> TokenReply {
    todo!()
}

/// Which field of the credentials is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialsError {
    /// The field.
    pub field: &'static str,
    /// What it must be.
    pub expected: &'static str,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: expected {}", self.field, self.expected)
    }
}

impl std::error::Error for CredentialsError {}
