//! What can go wrong, as a caller sees it: a stable code, a status, and a sentence that names the field.

use std::fmt;

/// A refusal. Its body is AdTarget's: `{"error":{"code","message"}}`. It never holds internals or a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The body or query breaks the contract; the text names the field and what was expected.
    InvalidPayload(String),
    /// The body is larger than the limit (bytes).
    PayloadTooLarge(u32),
    /// No site of that `websiteId` is configured here.
    WebsiteNotFound,
    /// The page (`href` or Origin) is not on the site's domains.
    ForbiddenDomain(String),
    /// No channel of that slug or id is configured.
    ChannelNotFound,
    /// Too many calls; the number is when to come back, in s.
    RateLimited(u32),
    /// A keyed call without a key.
    AuthRequired,
    /// The key is none of ours.
    InvalidKey,
    /// The key was revoked.
    RevokedKey,
    /// A webhook's call that does not bear the secret agreed on.
    WrongSecret,
    /// A webhook that is not proven to be its source's; the text says what is wrong with the proof.
    InvalidSignature(&'static str),
    /// No lead of that Telegram user is known.
    LeadNotFound,
    /// The lead has no conversion of that id that the call could be about.
    ConversionNotFound,
    /// No API key has that prefix.
    KeyNotFound,
    /// An Idempotency-Key came back with another request.
    IdempotencyMismatch,
    /// The first call with that Idempotency-Key is still running, or was cut off; after so many s it is neither. No 409: callers repeat a
    /// 429, and no other 4xx (AdTarget's contract).
    IdempotencyInProgress(u32),
    /// As many keys are active as may be.
    KeyLimit,
    /// The keyed surface lacks what it needs here; the text says what.
    ApiDisabled(&'static str),
    /// AdTarget could not be reached, or does not answer as it should; the text says what that means for the caller.
    AdTargetAway(&'static str),
    /// Cloudflare Access does not vouch for the caller; the text says why.
    AccessDenied(&'static str),
    /// AdStat could not be reached, or does not answer as it should; the text says what that means for the caller.
    AdStatAway(String),
    /// Nothing is at that path.
    NotFound,
    /// The path exists, but not for that method; the text lists those it takes.
    MethodNotAllowed(&'static str),
    /// A server behind the edge could not be reached.
    BadGateway,
    /// Something failed here; the log has the rest.
    Internal,
}

impl Error {
    /// The stable code. Those of AdTarget's contract where it has one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidPayload(_) => "INVALID_PAYLOAD",
            Self::PayloadTooLarge(_) => "PAYLOAD_TOO_LARGE",
            Self::WebsiteNotFound => "WEBSITE_NOT_FOUND",
            Self::ForbiddenDomain(_) => "FORBIDDEN_DOMAIN",
            Self::ChannelNotFound => "CHANNEL_NOT_FOUND",
            Self::RateLimited(_) => "RATE_LIMITED",
            Self::AuthRequired => "AUTH_REQUIRED",
            Self::InvalidKey => "INVALID_KEY",
            Self::RevokedKey => "REVOKED_KEY",
            Self::WrongSecret => "WRONG_SECRET",
            Self::InvalidSignature(_) => "INVALID_SIGNATURE",
            Self::LeadNotFound => "LEAD_NOT_FOUND",
            Self::ConversionNotFound => "CONVERSION_NOT_FOUND",
            Self::KeyNotFound => "KEY_NOT_FOUND",
            Self::IdempotencyMismatch => "IDEMPOTENCY_MISMATCH",
            Self::IdempotencyInProgress(_) => "IDEMPOTENCY_IN_PROGRESS",
            Self::KeyLimit => "KEY_LIMIT",
            Self::ApiDisabled(_) => "API_DISABLED",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed(_) => "METHOD_NOT_ALLOWED",
            Self::AccessDenied(_) => "ACCESS_DENIED",
            Self::BadGateway | Self::AdTargetAway(_) | Self::AdStatAway(_) => "BAD_GATEWAY",
            Self::Internal => "INTERNAL_ERROR",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidPayload(_) => 400,
            Self::ForbiddenDomain(_) | Self::AccessDenied(_) => 403,
            Self::AuthRequired
            | Self::InvalidKey
            | Self::RevokedKey
            | Self::WrongSecret
            | Self::InvalidSignature(_) => 401,
            Self::WebsiteNotFound
            | Self::ChannelNotFound
            | Self::LeadNotFound
            | Self::ConversionNotFound
            | Self::KeyNotFound
            | Self::NotFound => 404,
            Self::KeyLimit => 409,
            Self::IdempotencyMismatch => 422,
            Self::MethodNotAllowed(_) => 405,
            Self::PayloadTooLarge(_) => 413,
            Self::RateLimited(_) | Self::IdempotencyInProgress(_) => 429,
            Self::Internal => 500,
            Self::BadGateway | Self::AdTargetAway(_) | Self::AdStatAway(_) => 502,
            Self::ApiDisabled(_) => 503,
        }
    }

    /// An `IdempotencyInProgress` that is over in so many ms.
    pub fn in_progress(wait_ms: u64) -> Self {
        let wait_s = wait_ms.div_ceil(1_000).max(1);
        Self::IdempotencyInProgress(u32::try_from(wait_s).unwrap_or(u32::MAX))
    }

    /// An `InvalidPayload` about one field.
    #[cold]
    #[inline(never)]
    pub fn field(name: &str, expected: &str) -> Self {
        Self::InvalidPayload(format!("{name}: {expected}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPayload(why) => formatter.write_str(why),
            Self::PayloadTooLarge(limit) => {
                write!(formatter, "the body is larger than {limit} bytes")
            }
            Self::WebsiteNotFound => formatter.write_str("websiteId: no such site here"),
            Self::ForbiddenDomain(host) => write!(formatter, "{host} is not a domain of this site"),
            Self::ChannelNotFound => formatter.write_str("no such channel"),
            Self::RateLimited(seconds) => {
                write!(formatter, "too many calls; come back in {seconds} s")
            }
            Self::AuthRequired => {
                formatter.write_str("authorization: expected Bearer and an API key")
            }
            Self::InvalidKey => formatter.write_str("authorization: no such key"),
            Self::RevokedKey => formatter.write_str("authorization: the key was revoked"),
            Self::WrongSecret => {
                formatter.write_str("x-telegram-bot-api-secret-token: not what was agreed on")
            }
            Self::InvalidSignature(why) => formatter.write_str(why),
            Self::LeadNotFound => formatter.write_str("telegramUserId: no such lead"),
            Self::ConversionNotFound => formatter
                .write_str("conversionId: the lead has no such conversion that awaits its value"),
            Self::KeyNotFound => formatter.write_str("prefix: no API key has it"),
            Self::IdempotencyMismatch => {
                formatter.write_str("idempotency-key: it was used before, with another request")
            }
            Self::IdempotencyInProgress(_) => formatter.write_str(
                "idempotency-key: the first call with it is still running, or was cut off",
            ),
            Self::KeyLimit => {
                formatter.write_str("5 keys are active: revoke one before another is made")
            }
            Self::ApiDisabled(why) | Self::AdTargetAway(why) => formatter.write_str(why),
            Self::AccessDenied(why) => write!(formatter, "cf-access-jwt-assertion: {why}"),
            Self::AdStatAway(why) => formatter.write_str(why),
            Self::NotFound => formatter.write_str("nothing is here"),
            Self::MethodNotAllowed(allowed) => write!(formatter, "this path takes {allowed}"),
            Self::BadGateway => formatter.write_str("the site behind the edge does not answer"),
            Self::Internal => formatter.write_str("something failed here"),
        }
    }
}

impl std::error::Error for Error {}
