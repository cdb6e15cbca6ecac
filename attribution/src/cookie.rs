//! Cookies as a `Cookie` header or `document.cookie` spells them: `name=value; name=value`.

use crate::written::take;

/// The first non-empty value of the cookie called `name`; names are case-sensitive.
pub fn cookie<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    cookie_as(cookies, name, Some)
}

/// What the first value of the cookie called `name` is that `read` makes something of.
pub fn cookie_as<'a, T>(
    cookies: &'a str,
    name: &str,
    read: impl Fn(&'a str) -> Option<T>,
) -> Option<T> {
    let mut made = None;
    until(cookies, name, &mut |value| {
        made = read(value);
        made.is_some()
    });
    made
}

/// Goes through the values of the cookie called `name` until one is `fit`. No generic: one copy serves all.
fn until<'a>(cookies: &'a str, name: &str, fit: &mut dyn FnMut(&'a str) -> bool) {
    find(cookies.as_bytes(), name.as_bytes(), |value| {
        // It was cut at ASCII characters, so it is UTF-8 still.
        core::str::from_utf8(value).is_ok_and(&mut *fit)
    });
}

/// The first non-empty value of the cookie called `name` that is `fit`, or nothing. A browser sends the same name
/// twice when it was set on two domains or paths.
pub(crate) fn find<'a>(
    mut cookies: &'a [u8],
    name: &[u8],
    mut fit: impl FnMut(&'a [u8]) -> bool,
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
