//! Cookies as a `Cookie` header or `document.cookie` spells them: `name=value; name=value`.

use crate::written::take;

/// The first non-empty value of the cookie called `name`; names are case-sensitive.
pub fn cookie<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    let value = find(cookies.as_bytes(), name.as_bytes(), |_| true);
    // It was cut at ASCII characters, so it is UTF-8 still.
    core::str::from_utf8(value)
        .ok()
        .filter(|value| !value.is_empty())
}

/// The first non-empty value of the cookie called `name` that is `fit`, or nothing. A browser sends the same name
/// twice when it was set on two domains or paths.
pub(crate) fn find<'a>(
    mut cookies: &'a [u8],
    name: &[u8],
    fit: impl Fn(&'a [u8]) -> bool,
) -> &'a [u8] {
    while !cookies.is_empty() && !name.is_empty() {
        let mut pair = take(&mut cookies, b';');
        while let [b' ', rest @ ..] = pair {
            pair = rest;
        }
        if take(&mut pair, b'=') == name && !pair.is_empty() && fit(pair) {
            return pair;
        }
    }
    &[]
}

/// Whether `byte` can stand in a cookie as it is (RFC 6265's cookie-octets).
pub(crate) fn is_cookie_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}
