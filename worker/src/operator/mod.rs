//! The operator: whoever holds `OPERATOR_KEY`, and is vouched for by Cloudflare Access where that is configured.

mod access;
pub mod adstat;

use crate::config::{AccessPolicy, NoOperatorKey};
use crate::edge::Edge;
use crate::error::Error;

/// Who the operator's calls are counted as. No API key's prefix has such a name.
pub const OPERATOR: &str = "-operator-";

/// The token of an `Authorization: Bearer`.
///
/// # Errors
/// `AUTH_REQUIRED`
pub fn bearer(edge: &Edge<'_>) -> Result<String, Error> {
    let header = edge.header("authorization");
    let (scheme, token) = header.split_once(' ').unwrap_or((&header, ""));
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Error::AuthRequired);
    }
    Ok(token.to_owned())
}

/// Checks that a call bears the operator's key.
///
/// # Errors
/// `API_DISABLED`: no OPERATOR_KEY is set, or too short a one; `AUTH_REQUIRED`, `INVALID_KEY`
pub fn check_key(edge: &Edge<'_>) -> Result<(), Error> {
    if let Err(why) = edge.config.operator_key {
        return Err(Error::ApiDisabled(match why {
            NoOperatorKey::Unset => {
                "this is the operator's, by the secret OPERATOR_KEY, and none is set"
            }
            NoOperatorKey::TooShort => {
                "this is the operator's, by the secret OPERATOR_KEY, and the one that is set is too short: it takes 32 characters or more"
            }
        }));
    }
    check_told_key(edge, &bearer(edge)?)
}

/// Checks a key that a call tells in another way.
///
/// # Errors
/// `INVALID_KEY`
pub fn check_told_key(edge: &Edge<'_>, key: &str) -> Result<(), Error> {
    let own = edge.config.operator_key.as_ref();
    match own.is_ok_and(|own| own.is(key)) {
        true => Ok(()),
        false => Err(Error::InvalidKey),
    }
}

/// Whom Cloudflare Access vouches for: an e-mail address, or the name of a service token; `None` where it has not to.
///
/// # Errors
/// `ACCESS_DENIED`, `API_DISABLED`
pub async fn vouched(edge: &Edge<'_>) -> Result<Option<String>, Error> {
    match &edge.config.access {
        AccessPolicy::Off => Ok(None),
        // Repeating it does no harm: it reads.
        AccessPolicy::Required(access) => access::identity(edge, access).await.map(Some),
        AccessPolicy::Broken => Err(Error::ApiDisabled(
            "the settings of Cloudflare Access are wrong, so nobody is let in; /healthz says what is wrong",
        )),
    }
}
