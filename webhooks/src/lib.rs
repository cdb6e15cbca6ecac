//! Signed webhooks: whether one comes from its source, and what of it is a conversion.
//!
//! Nothing here reads, writes or sends; the clock comes in as an argument, so every rule can be tested from a table.
//!
//! | module | rule | source |
//! |---|---|---|
//! | [`source`] | how a source signs, and what of its payload makes a conversion | the setting `WEBHOOKS` |
//! | [`verification`] | the signature over the very bytes, and its age | Standard Webhooks; Stripe |
//! | [`mapping`] | from JSON Pointers to checked values | RFC 6901; Stripe on currencies |
//! | [`redaction`] | a payload without what names a person | |

#![forbid(unsafe_code)]

pub mod mapping;
pub mod redaction;
pub mod source;
pub mod verification;

pub use mapping::{Mapped, Reference, Unmapped};
pub use source::{Pointer, Source};
pub use verification::Refusal;

/// Reads a body; `None`: it is no JSON.
pub fn payload(body: &[u8]) -> Option<serde_json::Value> {
    serde_json::from_slice(body).ok()
}
