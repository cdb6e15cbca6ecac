//! The cookies the edge sets. By the server, since Safari keeps those that a script writes for 7 days only.

use attribution::META_COOKIE_MAX_AGE_S;

use crate::ids::{ClientSessionId, TempId};

/// The visitor's id, a year (AdTarget's contract).
pub const TEMP_ID: Cookie<'static> = Cookie {
    name: "adtarget_temp_id",
    max_age_s: 31_536_000,
};
/// The session's id, 30 minutes from the last sign of life (AdTarget's contract).
pub const SESSION: Cookie<'static> = Cookie {
    name: "adtarget_session_id",
    max_age_s: 1_800,
};
/// Meta's click, 90 days (Meta's rule).
pub const FBC: Cookie<'static> = Cookie {
    name: "_fbc",
    max_age_s: META_COOKIE_MAX_AGE_S,
};
/// Meta's browser id, 90 days (Meta's rule).
pub const FBP: Cookie<'static> = Cookie {
    name: "_fbp",
    max_age_s: META_COOKIE_MAX_AGE_S,
};
/// Telegram Ads' click, 30 days (as Telegram's own script has it).
pub const TGCLID: Cookie<'static> = Cookie {
    name: "_tgclid",
    max_age_s: 2_592_000,
};
/// First and last touch, as long as a click of Meta's lives.
pub const TOUCH: Cookie<'static> = Cookie {
    name: attribution::TOUCH_COOKIE,
    max_age_s: META_COOKIE_MAX_AGE_S,
};

/// The visitor's id in a Cookie header; a forged or broken one counts as none, and hides no other.
pub fn temp_id(header: &str) -> Option<TempId> {
    attribution::cookie_as(header, TEMP_ID.name, |value| TempId::parse(value).ok())
}

/// The session's id in a Cookie header, likewise.
pub fn client_session_id(header: &str) -> Option<ClientSessionId> {
    attribution::cookie_as(header, SESSION.name, |value| {
        ClientSessionId::parse(value).ok()
    })
}

/// Google Analytics' session cookies in a Cookie header, `_ga_<stream>=<value>` between semicolons. Bounded, since anybody
/// can send them.
pub fn ga_sessions(header: &str) -> Option<String> {
    const MAX_STREAMS: usize = 4;
    const MAX_LENGTH: usize = 128;
    let sessions: Vec<&str> = header
        .split(';')
        .map(str::trim_ascii)
        .filter(|cookie| cookie.starts_with("_ga_") && cookie.len() <= MAX_LENGTH)
        .take(MAX_STREAMS)
        .collect();
    (!sessions.is_empty()).then(|| sessions.join(";"))
}

/// A cookie's name and life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its life in s, from each time it is set.
    pub max_age_s: u32,
}

impl Cookie<'_> {
    /// Whether name and value hold but bytes that a cookie can hold (RFC 6265, 4.1.1).
    pub fn can_hold(&self, value: &str) -> bool {
        // Every byte is looked at: asking after each whether to go on would cost more.
        let are_octets = |text: &str| {
            let is_octet =
                |byte: u8| byte.is_ascii_graphic() & !matches!(byte, b'"' | b',' | b';' | b'\\');
            text.bytes().fold(true, |all, byte| all & is_octet(byte))
        };
        !self.name.is_empty()
            && !self.name.contains('=')
            && are_octets(self.name)
            && are_octets(value)
    }
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
    /// Writes the value of a Set-Cookie header behind `header`.
    pub fn write(&self, cookie: Cookie<'_>, value: &str, header: &mut String) {
        let (domain_is, domain) = match self.domain {
            Some(domain) => ("; Domain=", domain),
            None => ("", ""),
        };
        let mut room = itoa::Buffer::new();
        // Not `write!`, which costs several times as much here.
        for piece in [
            cookie.name,
            "=",
            value,
            "; Max-Age=",
            room.format(cookie.max_age_s),
            "; Path=/",
            domain_is,
            domain,
            "; SameSite=Lax",
            if self.secure { "; Secure" } else { "" },
        ] {
            header.push_str(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes() {
        let mut header = "set-cookie:".to_owned();
        let cookie = Cookie {
            name: "a",
            max_age_s: 60,
        };
        let scope = Scope {
            domain: Some("example.com"),
            secure: true,
        };
        scope.write(cookie, "b", &mut header);
        assert_eq!(
            header,
            "set-cookie:a=b; Max-Age=60; Path=/; Domain=example.com; SameSite=Lax; Secure"
        );
        let scope = Scope {
            domain: None,
            secure: false,
        };
        header.clear();
        scope.write(cookie, "b", &mut header);
        assert_eq!(header, "a=b; Max-Age=60; Path=/; SameSite=Lax");
    }

    #[test]
    fn a_broken_id_hides_no_other() {
        let id = "d9428888-122b-41e1-b85c-61a1b1a1b1a1";
        let header = format!("adtarget_temp_id=garbage; a=b; adtarget_temp_id={id}");
        assert_eq!(
            temp_id(&header).map(|id| id.to_string()).as_deref(),
            Some(id)
        );
        assert_eq!(temp_id("adtarget_temp_id=garbage"), None);
    }

    #[test]
    fn google_analytics_sessions_are_kept_within_bounds() {
        let header = "_ga=GA1.1.4.5; _ga_A1=GS2.1.s3$o1; x_ga_=1;_ga_B2=GS1.1.4.1";
        let sessions = ga_sessions(header);
        assert_eq!(
            sessions.as_deref(),
            Some("_ga_A1=GS2.1.s3$o1;_ga_B2=GS1.1.4.1")
        );
        assert_eq!(ga_sessions("_ga=GA1.1.4.5; _gat=1"), None);
        assert_eq!(ga_sessions(&format!("_ga_A1={}", "9".repeat(200))), None);
        let many = ga_sessions(&"_ga_A1=1;".repeat(9));
        assert_eq!(many.map(|kept| kept.matches("_ga_").count()), Some(4));
    }

    #[test]
    fn what_would_break_the_header_no_cookie_holds() {
        let named = |name| Cookie {
            name,
            max_age_s: 60,
        };
        assert!(named("a").can_hold("b"));
        assert!(named("a").can_hold(""));
        for value in ["a;b", "a b", "a\r\nX: y", "a,b", "a\"b", "é"] {
            assert!(!named("a").can_hold(value), "{value:?}");
        }
        for name in ["a=b", "", "a b", "a;b", "é"] {
            assert!(!named(name).can_hold("c"), "{name:?}");
        }
    }
}
