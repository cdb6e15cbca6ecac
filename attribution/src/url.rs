//! The parts of an address, and the parameters of a query.
//!
//! Addresses come from `location.href`, from a `Referer` header or from a request's body. They are read where
//! they lie and never written anew.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::decimal;
use crate::written::{self, Spelling, Written};

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
    let (scheme, rest) = match address.split_at_checked(scheme_len(address)) {
        Some((scheme, rest)) if !scheme.is_empty() && rest.starts_with("://") => {
            (scheme, rest.get(3..)?)
        }
        _ => ("", address.strip_prefix("//").unwrap_or(address)),
    };
    let is_end = |byte| matches!(byte, b'/' | b'\\' | b'?' | b'#');
    let end = rest.bytes().position(is_end).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    let (rest, fragment) = split_at_mark(rest, b'#');
    let (path, query) = split_at_mark(rest, b'?');
    let host_and_port = authority.rsplit('@').next()?;
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((_, port)) if port.ends_with(']') => (host_and_port, None),
        // `https:/host`, which has no scheme as read here, and no host either.
        Some((_, "")) if scheme.is_empty() => return None,
        Some((host, "")) => (host, None),
        Some((host, port)) => (
            host,
            Some(u16::try_from(decimal::read(port.as_bytes())?).ok()?),
        ),
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
pub fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    parts(query, b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = split_at_mark(pair, b'=');
            let value = value.unwrap_or_default();
            (decode(name), decode(value))
        })
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

/// What stands before the first `mark`, an ASCII character, and what follows it. The searching methods of `str`
/// would bring several times the code.
#[inline(never)]
pub(crate) fn split_at_mark(text: &str, mark: u8) -> (&str, Option<&str>) {
    let at = text.bytes().position(|byte| byte == mark);
    match at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)))) {
        Some(parts) => parts,
        None => (text, None),
    }
}

/// The parts of `text` between `mark`s, an ASCII character.
pub(crate) fn parts(text: &str, mark: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let (part, behind) = split_at_mark(rest?, mark);
        rest = behind;
        Some(part)
    })
}

fn decode(text: &str) -> Cow<'_, str> {
    written::text(&[Written::new(text.as_bytes(), Spelling::Form)])
}

/// Writes `byte` as `%XX`.
pub(crate) fn push_escape(text: &mut String, byte: u8) {
    text.push('%');
    for digit in [byte >> 4, byte & 15] {
        let base = if digit < 10 { b'0' } else { b'A' - 10 };
        text.push(char::from(base + digit));
    }
}

/// How long a scheme `address` begins with; 0: none.
fn scheme_len(address: &str) -> usize {
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !address.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return 0;
    }
    let end = address.bytes().position(|byte| !goes_on(byte));
    end.unwrap_or(address.len())
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
