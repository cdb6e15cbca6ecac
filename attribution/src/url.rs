//! The parts of an address, and the parameters of a query.
//!
//! Addresses come from `location.href`, from a `Referer` header or from a request's body. They are read where
//! they lie and never written anew.

use alloc::string::String;
use alloc::vec::Vec;

use crate::decimal;

/// An address that names a host, in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlParts<'a> {
    /// As written, without the colon; empty in an address without one.
    pub scheme: &'a str,
    /// As written, so compare it without regard to case ([`is_within`] does); no credentials, no port. IPv6 in brackets.
    pub host: &'a str,
    /// As written, where there is one.
    pub port: Option<u16>,
    /// From the first slash; may be empty.
    pub path: &'a str,
    /// After the first `?`.
    pub query: Option<&'a str>,
    /// After the first `#`.
    pub fragment: Option<&'a str>,
}

/// Takes an address apart; the scheme may be missing. `None` when it names no host, or one that no browser
/// would go to.
///
/// Whatever a browser would read as another host is refused or read the browser's way: the last `@` ends the
/// credentials, a backslash ends the host.
pub fn split(address: &str) -> Option<UrlParts<'_>> {
    let (rest, fragment) = split_at_mark(address, '#');
    let (rest, query) = split_at_mark(rest, '?');
    let (scheme, rest) = match rest.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("", rest.strip_prefix("//").unwrap_or(rest)),
    };
    let (authority, path) = rest.split_at_checked(rest.find(['/', '\\']).unwrap_or(rest.len()))?;
    let host_and_port = authority.rsplit('@').next()?;
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((_, port)) if port.ends_with(']') => (host_and_port, None),
        // `https:/host`, which has no scheme as read here, and no host either.
        Some((_, "")) if scheme.is_empty() => return None,
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(u16::try_from(decimal::read(port)?).ok()?)),
        None => (host_and_port, None),
    };
    is_host(host).then_some(UrlParts {
        scheme,
        host,
        port,
        path,
        query,
        fragment,
    })
}

/// The parameters of a query, in order, percent-decoded, with `+` as a space. A name without `=` has an empty
/// value; what is not UTF-8 reads U+FFFD; a malformed `%` stays as it is.
pub fn parameters(query: &str) -> impl Iterator<Item = (String, String)> {
    pairs(query).map(|(name, value)| (lossy(&decode(name, true)), lossy(&decode(value, true))))
}

/// Whether `host` is `domain` or lies under it, without regard to case.
pub fn is_within(host: &str, domain: &str) -> bool {
    match host.len().checked_sub(domain.len()) {
        Some(at) => {
            let above = host.get(..at).unwrap_or("?");
            let same = host
                .get(at..)
                .is_some_and(|end| end.eq_ignore_ascii_case(domain));
            same && !domain.is_empty() && (above.is_empty() || above.ends_with('.'))
        }
        None => false,
    }
}

/// What stands before the first `mark`, and what follows it.
pub(crate) fn split_at_mark(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// The parameters of a query as they are written; empty ones are left out.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Percent-decodes into bytes, which need not be UTF-8.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let mut byte = first;
        if first == b'+' && plus_is_space {
            byte = b' ';
        } else if first == b'%'
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            byte = high * 16 + low;
            rest = after;
        }
        bytes.push(byte);
    }
    bytes
}

/// The text of `bytes`, with U+FFFD for each part that is not UTF-8. `String::from_utf8_lossy` does the same in
/// more code.
pub(crate) fn lossy(mut bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    loop {
        match core::str::from_utf8(bytes) {
            Ok(valid) => {
                text.push_str(valid);
                return text;
            }
            Err(error) => {
                let (valid, rest) = bytes
                    .split_at_checked(error.valid_up_to())
                    .unwrap_or_default();
                text.push_str(core::str::from_utf8(valid).unwrap_or_default());
                text.push('\u{fffd}');
                let bad = error.error_len().unwrap_or(rest.len());
                bytes = rest.get(bad..).unwrap_or_default();
            }
        }
    }
}

/// Writes `byte` as `%XX`.
pub(crate) fn push_escape(text: &mut String, byte: u8) {
    text.push('%');
    for digit in [byte >> 4, byte & 15] {
        let base = if digit < 10 { b'0' } else { b'A' - 10 };
        text.push(char::from(base + digit));
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Whether the URL Standard lets `text` be a host; percent-encoded hosts, which it would decode, are refused.
fn is_host(text: &str) -> bool {
    let inner = match text.strip_prefix('[') {
        Some(address) => match address.strip_suffix(']') {
            Some(address) => {
                return address
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
            }
            None => return false,
        },
        None => text,
    };
    !inner.is_empty()
        && inner.bytes().all(|byte| {
            !byte.is_ascii_control()
                && !matches!(
                    byte,
                    b' ' | b'%' | b':' | b'<' | b'>' | b'[' | b']' | b'^' | b'|'
                )
        })
}
