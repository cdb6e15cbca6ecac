//! The cookies the edge sets. By the server, since Safari keeps those that a script writes for 7 days only.

use attribution::META_COOKIE_MAX_AGE_S;

/// The visitor's id, a year (AdTarget's contract).
pub const TEMP_ID: Cookie = Cookie {
    name: "adtarget_temp_id",
    max_age_s: 31_536_000,
};
/// The session's id, 30 minutes from the last sign of life (AdTarget's contract).
pub const SESSION: Cookie = Cookie {
    name: "adtarget_session_id",
    max_age_s: 1_800,
};
/// Meta's click, 90 days (Meta's rule).
pub const FBC: Cookie = Cookie {
    name: "_fbc",
    max_age_s: META_COOKIE_MAX_AGE_S,
};
/// Meta's browser id, 90 days (Meta's rule).
pub const FBP: Cookie = Cookie {
    name: "_fbp",
    max_age_s: META_COOKIE_MAX_AGE_S,
};
/// Telegram Ads' click, 30 days (as Telegram's own script has it).
pub const TGCLID: Cookie = Cookie {
    name: "_tgclid",
    max_age_s: 2_592_000,
};
/// First and last touch, as long as a click of Meta's lives.
pub const TOUCH: Cookie = Cookie {
    name: attribution::TOUCH_COOKIE,
    max_age_s: META_COOKIE_MAX_AGE_S,
};

/// A cookie's name and life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: &'static str,
    /// Its life in s, from each time it is set.
    pub max_age_s: u32,
}

/// Where a cookie is valid.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The registrable domain, for all its hosts; `None`: this host alone.
    pub domain: Option<&'a str>,
    /// Whether the page came over https.
    pub secure: bool,
}

impl Scope<'_> {
    /// The value of a Set-Cookie header. `None` when `value` holds a byte that a cookie can't (RFC 6265, 4.1.1).
    pub fn set(&self, name: &str, value: &str, max_age_s: u32) -> Option<String> {
        let octets = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'\\'))
        };
        if name.is_empty() || !octets(name) || name.contains('=') || !octets(value) {
            return None;
        }
        let max_age = max_age_s.to_string();
        let (domain_is, domain) = match self.domain {
            Some(domain) => ("; Domain=", domain),
            None => ("", ""),
        };
        let secure = if self.secure { "; Secure" } else { "" };
        // Not `format!`, which costs several times as much here.
        Some(
            [
                name,
                "=",
                value,
                "; Max-Age=",
                &max_age,
                "; Path=/",
                domain_is,
                domain,
                "; SameSite=Lax",
                secure,
            ]
            .concat(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes() {
        let scope = Scope {
            domain: Some("example.com"),
            secure: true,
        };
        assert_eq!(
            scope.set("a", "b", 60).unwrap(),
            "a=b; Max-Age=60; Path=/; Domain=example.com; SameSite=Lax; Secure"
        );
        let scope = Scope {
            domain: None,
            secure: false,
        };
        assert_eq!(
            scope.set("a", "b", 60).unwrap(),
            "a=b; Max-Age=60; Path=/; SameSite=Lax"
        );
    }

    #[test]
    fn a_value_that_would_break_the_header_is_refused() {
        let scope = Scope {
            domain: None,
            secure: false,
        };
        for value in ["a;b", "a b", "a\r\nX: y", "a,b", "a\"b", "é"] {
            assert_eq!(scope.set("a", value, 60), None, "{value:?}");
        }
        assert_eq!(scope.set("a=b", "c", 60), None);
        assert_eq!(scope.set("", "c", 60), None);
    }
}
