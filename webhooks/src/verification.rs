//! Whether an event comes from its source: the signature over its very bytes, and how old that is.

use base64ct::{Base64Unpadded, Encoding as _};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::source::{Encoding, HmacHeaders, Part, Scheme, SigningKey, Source};

/// How far the time of a signature may be from ours, either way, in s (Standard Webhooks; Stripe's own libraries).
const TOLERANCE_S: u64 = 5 * 60;

/// The longest id of an event, in bytes.
const MAX_ID_LENGTH: usize = 255;

/// How many signatures of one event are looked at.
const MAX_SIGNATURES: usize = 16;

/// Why an event is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A header that the scheme asks for is missing or unreadable.
    Malformed,
    /// No signature is that of a known key over these bytes.
    Wrong,
    /// It was signed over five minutes ago.
    Stale,
    /// It was signed over five minutes from now.
    Early,
}

impl Refusal {
    /// In words for the sender.
    pub fn words(self) -> &'static str {
        match self {
            Self::Malformed => "signature: its headers are missing or unreadable",
            Self::Wrong => "signature: not that of this source over this body",
            Self::Stale => "timestamp: over 5 minutes ago; sign each attempt anew",
            Self::Early => "timestamp: over 5 minutes from now; set the sender's clock",
        }
    }
}

/// What an event's headers say of its signature.
struct Proof {
    signatures: Vec<Vec<u8>>,
    timestamp: Option<String>,
    id: Option<String>,
}

/// Checks that `source` signed `body` around `now_s` (Unix time in s); `header` gives a header's value, empty where it was
/// not sent. Gives the event's id where one was signed in a header.
///
/// # Errors
/// [`Refusal`]. That a signature is old is said only of one that is right.
pub fn verify(
    source: &Source,
    header: &dyn Fn(&str) -> String,
    body: &[u8],
    now_s: u64,
) -> Result<Option<String>, Refusal> {
    let proof = match &source.scheme {
        Scheme::Standard => standard(header),
        Scheme::Stripe => stripe(header),
        Scheme::Hmac(headers) => of_headers(headers, header),
    }
    .ok_or(Refusal::Malformed)?;
    let signed_s = match &proof.timestamp {
        Some(timestamp) => Some(unix_time_s(timestamp).ok_or(Refusal::Malformed)?),
        None => None,
    };
    if !proof.id.as_deref().is_none_or(is_event_id) {
        return Err(Refusal::Malformed);
    }
    let timestamp = proof.timestamp.as_deref().unwrap_or_default().as_bytes();
    let id = proof.id.as_deref().unwrap_or_default().as_bytes();
    let signed: Vec<&[u8]> = match &source.scheme {
        Scheme::Standard => vec![id, b".", timestamp, b".", body],
        Scheme::Stripe => vec![timestamp, b".", body],
        Scheme::Hmac(headers) => headers
            .signed
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_bytes(),
                Part::Timestamp => timestamp,
                Part::Id => id,
                Part::Body => body,
            })
            .collect(),
    };
    let is_right = |key: &SigningKey| is_signed(key, &signed, &proof.signatures);
    if !source.keys.iter().any(is_right) {
        return Err(Refusal::Wrong);
    }
    match signed_s {
        Some(signed_s) if signed_s > now_s + TOLERANCE_S => Err(Refusal::Early),
        Some(signed_s) if now_s > signed_s + TOLERANCE_S => Err(Refusal::Stale),
        _ => Ok(proof.id),
    }
}

/// What an event without an id is known by: the SHA-256 of its bytes, in hexadecimal.
pub fn digest(body: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(body))
}

/// Whether a text can be the id of an event.
pub fn is_event_id(text: &str) -> bool {
    (1..=MAX_ID_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Standard Webhooks: `webhook-signature` holds signatures, `v1,` and base64 each, separated by spaces. Svix, whom the
/// standard comes from, and who sends for many, signs the same under names of its own (<https://docs.svix.com>).
fn standard(header: &dyn Fn(&str) -> String) -> Option<Proof> {
    let header = |name: &str| {
        let told = header(&["webhook-", name].concat());
        if told.is_empty() {
            header(&["svix-", name].concat())
        } else {
            told
        }
    };
    let mut signatures = Vec::new();
    for signature in header("signature").split_ascii_whitespace() {
        let signature = signature.strip_prefix("v1,");
        signatures.extend(signature.and_then(|text| decode(Encoding::Base64, text)));
    }
    Some(Proof {
        signatures,
        timestamp: Some(header("timestamp")),
        id: Some(header("id")),
    })
}

/// Stripe: `t=` the Unix time, `v1=` a signature in hex, and others that are not for us, separated by commas.
fn stripe(header: &dyn Fn(&str) -> String) -> Option<Proof> {
    let mut proof = Proof {
        signatures: Vec::new(),
        timestamp: None,
        id: None,
    };
    for pair in header("stripe-signature").split(',') {
        match pair.trim().split_once('=') {
            Some(("t", timestamp)) => proof.timestamp = Some(timestamp.to_owned()),
            Some(("v1", signature)) => proof.signatures.extend(decode(Encoding::Hex, signature)),
            _ => {}
        }
    }
    proof.timestamp.is_some().then_some(proof)
}

fn of_headers(headers: &HmacHeaders, header: &dyn Fn(&str) -> String) -> Option<Proof> {
    let signature = header(&headers.signature);
    let signature = decode(headers.encoding, signature.strip_prefix(&headers.prefix)?)?;
    Some(Proof {
        signatures: vec![signature],
        timestamp: headers.timestamp.as_deref().map(header),
        id: headers.id.as_deref().map(header),
    })
}

/// Whether one of the signatures is that of `key` over all parts. One that is nearly right takes as long as any other.
fn is_signed(key: &SigningKey, parts: &[&[u8]], signatures: &[Vec<u8>]) -> bool {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.bytes()) else {
        return false;
    };
    for part in parts {
        mac.update(part);
    }
    let mut signatures = signatures.iter().take(MAX_SIGNATURES);
    signatures.any(|signature| mac.clone().verify_slice(signature).is_ok())
}

/// A Unix time in a header: in s, or in ms where it has 13 digits.
fn unix_time_s(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number, text.len()) {
        (true, 1..=12) => text.parse().ok(),
        (true, 13) => text.parse().ok().map(|ms: u64| ms / 1_000),
        _ => None,
    }
}

fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => base16ct::mixed::decode_vec(text).ok(),
        Encoding::Base64 => Base64Unpadded::decode_vec(text.trim_end_matches('=')).ok(),
    }
}
