//! Cookies as a `Cookie` header or `document.cookie` spells them: `name=value; name=value`.

/// The first non-empty value of the cookie called `name`; names are case-sensitive.
pub fn cookie<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    values(cookies, name).next()
}

/// Every non-empty value of the cookie called `name`, in the order sent. A browser sends the same name twice
/// when it was set on two domains or paths.
pub(crate) fn values<'a>(cookies: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    cookies.split(';').filter_map(move |pair| {
        let (its_name, value) = pair.split_once('=')?;
        let value = value.trim_ascii();
        (its_name.trim_ascii() == name && !value.is_empty()).then_some(value)
    })
}

/// Whether `text` can stand in a cookie as it is (RFC 6265's cookie-octets).
pub(crate) fn is_cookie_text(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\'))
}
