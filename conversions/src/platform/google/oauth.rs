//! The access token that Google's API is called with: from a service account ([RFC 7523]) or a user's refresh token
//! ([RFC 6749], section 6).
//!
//! [RFC 7523]: https://developers.google.com/identity/protocols/oauth2/service-account
//! [RFC 6749]: https://developers.google.com/identity/protocols/oauth2/web-server

use std::fmt;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::hash::{Hash, hex, sha256};
use crate::platform::reply::{Answer, Outcome, Reply};
use crate::platform::request::Request;
use crate::platform::setting::is_protected;

/// What a token may be used for.
pub const SCOPE: &str = "https://www.googleapis.com/auth/datamanager";

const DEFAULT_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

const LIFETIME_S: u64 = 3600;

/// What an access token is got with.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A service account's key.
    ServiceAccount(ServiceAccount),
    /// A user's refresh token.
    RefreshToken(RefreshToken),
}

/// A service account's key, as Google's console gives it in a JSON file.
#[derive(Clone)]
pub struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    private_key: Vec<u8>,
    token_uri: String,
}

/// A refresh token of a user who allowed it, as `gcloud auth application-default login` writes it in a JSON file.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
    token_uri: String,
}

/// Either file.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    token_uri: Option<String>,
}

impl Credentials {
    /// Reads the JSON of a service account's key (`"type": "service_account"`) or of a refresh token
    /// (`"authorized_user"`).
    ///
    /// # Errors
    /// Which field is wrong; never what is in it.
    pub fn parse(json: &str) -> Result<Self, CredentialsError> {
        let file: File = serde_json::from_str(json).map_err(|_| {
            let expected = "the JSON of a service account's key or of a user's credentials";
            CredentialsError {
                field: "credentials",
                expected,
            }
        })?;
        let token_uri = file.token_uri.unwrap_or(DEFAULT_TOKEN_URI.to_owned());
        if !is_protected(&token_uri) {
            return Err(CredentialsError {
                field: "token_uri",
                expected: "an address that begins with https://",
            });
        }
        match file.kind.as_deref() {
            Some("service_account") => Ok(Self::ServiceAccount(ServiceAccount {
                email: required("client_email", file.client_email)?,
                key_id: file.private_key_id,
                private_key: pkcs8(&required("private_key", file.private_key)?)?,
                token_uri,
            })),
            Some("authorized_user") => Ok(Self::RefreshToken(RefreshToken {
                client_id: required("client_id", file.client_id)?,
                client_secret: Secret::new(required("client_secret", file.client_secret)?),
                refresh_token: Secret::new(required("refresh_token", file.refresh_token)?),
                token_uri,
            })),
            _ => Err(CredentialsError {
                field: "type",
                expected: "service_account or authorized_user",
            }),
        }
    }

    /// A hash of them, to tell others from the same.
    pub fn fingerprint(&self) -> Hash {
        match self {
            Self::ServiceAccount(account) => {
                let key = hex(&sha256(&account.private_key));
                Hash::of(
                    &[&account.email, &account.token_uri, &key]
                        .map(String::as_str)
                        .join("\n"),
                )
            }
            Self::RefreshToken(user) => {
                let secrets = [&user.client_secret, &user.refresh_token].map(Secret::reveal);
                Hash::of(&[&user.client_id, &user.token_uri, secrets[0], secrets[1]].join("\n"))
            }
        }
    }

    /// Reads the answer to a request for a token: its status, how many seconds it asks to wait (`Retry-After`) and its body.
    pub fn token_reply(&self, status: u16, after_s: Option<u32>, body: &str) -> TokenReply {
        let answer = Answer {
            status,
            after_s,
            body,
        };
        let secrets = match self {
            Self::ServiceAccount(_) => vec![],
            Self::RefreshToken(user) => vec![&user.client_secret, &user.refresh_token],
        };
        match read(answer) {
            Ok(token) => TokenReply::Token(token),
            Err(reply) => TokenReply::None(reply.tidy(&secrets)),
        }
    }
}

fn required(field: &'static str, value: Option<String>) -> Result<String, CredentialsError> {
    value
        .filter(|value| !value.is_empty())
        .ok_or(CredentialsError {
            field,
            expected: "a text",
        })
}

/// The DER inside a PEM block of an unencrypted PKCS #8 key (RFC 7468, section 10).
fn pkcs8(pem: &str) -> Result<Vec<u8>, CredentialsError> {
    let base64 = pem
        .trim()
        .strip_prefix("-----BEGIN PRIVATE KEY-----")
        .and_then(|pem| pem.strip_suffix("-----END PRIVATE KEY-----"))
        .map(|base64| base64.split_ascii_whitespace().collect::<String>());
    base64
        .filter(|base64| !base64.is_empty())
        .and_then(|base64| Base64::decode_vec(&base64).ok())
        .ok_or(CredentialsError {
            field: "private_key",
            expected: "a PEM block of BEGIN PRIVATE KEY",
        })
}

/// What is signed to ask for a token: header and claims of a JSON Web Token.
#[derive(Debug, Clone)]
pub struct SigningInput(String);

impl SigningInput {
    /// The text to sign with RSASSA-PKCS1-v1_5 and SHA-256 (`RS256`).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ServiceAccount {
    /// The private key, PKCS #8 in DER, as WebCrypto imports it.
    pub fn private_key(&self) -> &[u8] {
        &self.private_key
    }

    /// What is to be signed to ask for a token that lives for an hour. `now_ms` is Unix time in ms.
    pub fn signing_input(&self, now_ms: u64) -> SigningInput {
        let issued_s = now_ms / 1000;
        let header = Header {
            alg: "RS256",
            typ: "JWT",
            kid: self.key_id.as_deref(),
        };
        let claims = Claims {
            iss: &self.email,
            scope: SCOPE,
            aud: &self.token_uri,
            iat: issued_s,
            exp: issued_s + LIFETIME_S,
        };
        SigningInput(format!("{}.{}", part(&header), part(&claims)))
    }

    /// The request that trades a text and its signature for a token.
    pub fn token_request(&self, signed: &SigningInput, signature: &[u8]) -> Request {
        let signature = Base64UrlUnpadded::encode_string(signature);
        let assertion = format!("{}.{signature}", signed.0);
        Request::form(
            self.token_uri.clone(),
            [
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", &assertion),
            ],
        )
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServiceAccount")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

impl RefreshToken {
    /// The request that trades it for a token.
    pub fn token_request(&self) -> Request {
        Request::form(
            self.token_uri.clone(),
            [
                ("grant_type", "refresh_token"),
                ("client_id", &self.client_id),
                ("client_secret", self.client_secret.reveal()),
                ("refresh_token", self.refresh_token.reveal()),
            ],
        )
    }
}

/// A part of a JSON Web Token.
fn part(content: &impl Serialize) -> String {
    let json = serde_json::to_vec(content).unwrap_or_default();
    Base64UrlUnpadded::encode_string(&json)
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: u64,
    exp: u64,
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
    /// None: what to do. It is never [`Outcome::Sent`] or [`Outcome::Rejected`].
    None(Reply),
}

#[derive(Deserialize)]
struct Told {
    access_token: Option<String>,
    #[serde(default)]
    expires_in: u32,
    error: Option<String>,
    error_description: Option<String>,
}

fn read(answer: Answer<'_>) -> Result<AccessToken, Reply> {
    // Whatever was said, a token in it is no one's to keep.
    let Some(told) = answer.json::<Told>() else {
        return Err(Reply {
            words: String::new(),
            ..answer.unknown()
        });
    };
    match told.access_token {
        Some(token) if answer.is_success() && !token.is_empty() => {
            return Ok(AccessToken {
                token: Secret::new(token),
                lifetime_s: told.expires_in,
            });
        }
        _ => {}
    }
    let is_named = told.error.is_some();
    let outcome = match (answer.status, told.error.as_deref()) {
        (429, _) | (_, Some("rate_limit_exceeded")) => answer.throttled(),
        (_, Some("temporarily_unavailable" | "server_error" | "internal_failure")) => {
            answer.retry()
        }
        (401 | 403, _) => Outcome::Credentials,
        // invalid_grant, invalid_client, unauthorized_client, invalid_scope and the like.
        (400..500, _) if is_named => Outcome::Credentials,
        _ => answer.retry(),
    };
    let words = [told.error, told.error_description];
    let words: Vec<String> = words.into_iter().flatten().collect();
    Err(Reply {
        outcome,
        request_id: None,
        words: words.join(" — "),
    })
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
