//! Cookies as a `Cookie` header or `document.cookie` spells them: `name=value; name=value`.

use crate::url::{parts, split_at_mark};

/// The first non-empty value of the cookie called `name`; names are case-sensitive.
#[inline(never)]
pub fn cookie<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    values(cookies, name).next()
}

/// Every non-empty value of the cookie called `name`, in the order sent. A browser sends the same name twice
/// when it was set on two domains or paths.
pub(crate) fn values<'a>(cookies: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    parts(cookies, b';').filter_map(move |mut pair| {
        while let Some(rest) = pair.strip_prefix(' ') {
            pair = rest;
        }
        match split_at_mark(pair, b'=') {
            (its_name, Some(value)) if its_name == name && !value.is_empty() => Some(value),
            _ => None,
        }
    })
}

/// Whether `text` can stand in a cookie as it is (RFC 6265's cookie-octets).
pub(crate) fn is_cookie_text(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\'))
}
