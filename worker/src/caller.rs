//! Who is really calling. Nothing is taken on trust from a browser: the address comes from the platform's own header
//! alone, and what a client says of proxies before it is never read.

use attribution::url;

use crate::cookies::{self, Scope};
use crate::ids::{ClientSessionId, TempId};

/// A request's head, as far as the worker reads it.
#[derive(Debug)]
pub struct Caller<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The whole URL.
    pub url: &'a str,
    /// The host of the URL, with its port.
    pub authority: &'a str,
    /// The host of the URL.
    pub host: &'a str,
    /// Whether it came over https.
    pub secure: bool,
    /// The path, as sent.
    pub path: &'a str,
    /// The query, as sent.
    pub query: &'a str,
    /// The client's address; empty where the platform says none.
    pub ip: &'a str,
    /// The User-Agent header.
    pub user_agent: &'a str,
    /// The Origin header; empty where there is none or it hides what it is (`null`: a sandboxed frame; in Firefox and Safari also a
    /// beacon of a page whose referrer policy is `no-referrer`).
    pub origin: &'a str,
    /// The Referer header.
    pub referer: &'a str,
    /// The Cookie header.
    pub cookies: &'a str,
    /// The Content-Type header; of a POST alone.
    pub content_type: &'a str,
    /// Whether the browser only prepares for a visit that may never be; not of a POST.
    pub prepares: bool,
}

impl<'a> Caller<'a> {
    /// Reads the lines that `inbound` of `runtime.js` packs.
    pub fn read(packed: &'a str) -> Self {
        let mut lines = packed.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let (method, url) = (line(), line());
        let after_scheme = url.strip_prefix("https://");
        let rest = after_scheme
            .or_else(|| url.strip_prefix("http://"))
            .unwrap_or(url);
        let (authority, target) = rest
            .split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
            .unwrap_or((rest, ""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method,
            url,
            authority,
            host: host_of(authority),
            secure: after_scheme.is_some(),
            path,
            query,
            ip: line(),
            user_agent: line(),
            origin: Some(line())
                .filter(|origin| *origin != "null")
                .unwrap_or_default(),
            referer: line(),
            cookies: line(),
            content_type: if method == "POST" { line() } else { "" },
            prepares: lines.any(|purpose| {
                let kinds = ["prefetch", "prerender", "preview"];
                kinds.iter().any(|kind| purpose.contains(kind))
            }),
        }
    }

    /// What the client's calls are counted by: its address, of IPv6 the first 64 bits, since a line has all the addresses that begin so.
    pub fn network(&self) -> &'a str {
        let fourth = self.ip.match_indices(':').nth(3).map(|(at, _)| at);
        // In its short form zeros are left out.
        let end = [self.ip.find("::"), fourth].into_iter().flatten().min();
        let network = end.and_then(|end| self.ip.get(..end));
        network
            .filter(|network| !network.is_empty())
            .unwrap_or(self.ip)
    }

    /// The client's address; empty where it is nobody's own: that by which all Workers call other zones ("CF-Connecting-IP in Worker subrequests",
    /// <https://developers.cloudflare.com/fundamentals/reference/http-headers/>).
    pub fn own_ip(&self) -> &'a str {
        const WORKERS: &str = "2a06:98c0:3600::103";
        if self.ip == WORKERS { "" } else { self.ip }
    }

    /// A parameter of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        // Names here are plain: only the value of the right one is worth decoding.
        let mut pairs = self.query.split('&').filter(|pair| {
            pair.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('='))
        });
        let (_, value) = url::parameters(pairs.next()?).next()?;
        Some(value.into_owned()).filter(|value| !value.is_empty())
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        attribution::cookie(self.cookies, name)
    }

    /// The visitor's id from its cookie; a forged or broken one counts as none.
    pub fn temp_id(&self) -> Option<TempId> {
        cookies::temp_id(self.cookies)
    }

    /// The session's id from its cookie; a forged or broken one counts as none.
    pub fn client_session_id(&self) -> Option<ClientSessionId> {
        cookies::client_session_id(self.cookies)
    }

    /// Where cookies set in the answer are valid.
    pub fn cookie_scope<'s>(&self, domain: Option<&'s str>) -> Scope<'s> {
        Scope {
            domain,
            secure: self.secure,
        }
    }

    /// Whether the client names itself a program.
    pub fn is_bot(&self) -> bool {
        is_bot(self.user_agent)
    }

    /// Whether the client names itself a program that looks at links: what it fetches nobody has tapped.
    pub fn is_crawler(&self) -> bool {
        is_crawler(self.user_agent)
    }
}

/// The head as it was sent. The platform gives each byte of a header as a character of its own (byte strings, in WHATWG's words),
/// though browsers send UTF-8: Facebook's puts the carrier's name into its User-Agent.
pub fn as_sent(head: String) -> String {
    if head.is_ascii() {
        return head;
    }
    let as_sent = |line: &str| {
        let bytes: Option<Vec<u8>> = line.chars().map(|c| u8::try_from(c).ok()).collect();
        String::from_utf8(bytes?).ok()
    };
    let lines: Vec<_> = head
        .split('\n')
        .map(|line| as_sent(line).unwrap_or_else(|| line.to_owned()))
        .collect();
    lines.join("\n")
}

/// Whether a User-Agent names a program: a crawler, or a browser that none looks at.
pub fn is_bot(user_agent: &str) -> bool {
    names_program(user_agent, true)
}

/// Whether a User-Agent names a crawler or a link preview: they fetch pages and links, too.
fn is_crawler(user_agent: &str) -> bool {
    names_program(user_agent, false)
}

/// Whether a User-Agent names a crawler, a link preview or, where that counts, a headless browser.
fn names_program(user_agent: &str, headless_counts: bool) -> bool {
    const REST: [&[u8]; 4] = [b"crawl", b"spider", b"preview", b"facebookexternalhit"];
    // Messengers as they look at a link that is sent; as browsers they name themselves further on.
    const MESSENGERS: [&str; 2] = ["WhatsApp/", "Viber/"];
    if MESSENGERS.iter().any(|name| user_agent.starts_with(name)) {
        return true;
    }
    let agent = user_agent.as_bytes();
    let begins = |at: usize, mark: &[u8]| {
        let word = agent.get(at..).and_then(|rest| rest.get(..mark.len()));
        word.is_some_and(|word| word.eq_ignore_ascii_case(mark))
    };
    // Two letters tell nearly every place where no mark stands.
    (agent.windows(2).enumerate()).any(|(at, pair)| match pair {
        // A CUBOT is a phone.
        [b'b' | b'B', b'o' | b'O'] => {
            begins(at, b"bot") && !at.checked_sub(2).is_some_and(|at| begins(at, b"cubot"))
        }
        [b'h' | b'H', b'e' | b'E'] => headless_counts && begins(at, b"headless"),
        [b'c' | b'C', b'r' | b'R']
        | [b's' | b'S', b'p' | b'P']
        | [b'p' | b'P', b'r' | b'R']
        | [b'f' | b'F', b'a' | b'A'] => REST.iter().any(|mark| begins(at, mark)),
        _ => false,
    })
}

/// The host of an authority without its port.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_read_in_order() {
        let packed = "GET\nhttp://lp.example.com:8787/c/vip?a=1&to=x%26y\n203.0.113.7\nUA\nhttps://o\nhttps://r\nadtarget_temp_id=6e1f0d1c-0000-4000-8000-000000000001\nprefetch;prerender\n\n";
        let caller = Caller::read(packed);
        assert_eq!(
            (caller.authority, caller.host, caller.path, caller.query),
            (
                "lp.example.com:8787",
                "lp.example.com",
                "/c/vip",
                "a=1&to=x%26y"
            )
        );
        assert_eq!((caller.ip, caller.prepares), ("203.0.113.7", true));
        assert_eq!(caller.parameter("to").as_deref(), Some("x&y"));
        assert_eq!(
            caller.temp_id().unwrap().to_string(),
            "6e1f0d1c-0000-4000-8000-000000000001"
        );
        assert!(!caller.secure);
    }

    #[test]
    fn calls_of_one_line_are_counted_together() {
        for (ip, network) in [
            ("203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"),
            ("2001:db8:1:2::6", "2001:db8:1:2"),
            ("2001:db8:1:2:3::6", "2001:db8:1:2"),
            ("2001:db8:1::6", "2001:db8:1"),
            ("2001:db8::6", "2001:db8"),
            ("::1", "::1"),
            ("", ""),
        ] {
            let head = ["GET", "https://e.example/", ip].join("\n");
            assert_eq!(Caller::read(&head).network(), network, "{ip}");
        }
    }

    #[test]
    fn the_address_of_all_workers_is_nobodys_own() {
        let own = |ip| {
            Caller::read(&["GET", "https://e.example/", ip].join("\n"))
                .own_ip()
                .to_owned()
        };
        assert_eq!(own("2a06:98c0:3600::103"), "");
        assert_eq!(own("2a06:98c0:3600::104"), "2a06:98c0:3600::104");
    }

    #[test]
    fn a_forged_id_counts_as_none() {
        let caller = Caller::read("GET\nhttps://e.example/\n\n\n\n\nadtarget_temp_id=x'; DROP\n");
        assert_eq!(caller.temp_id(), None);
    }

    #[test]
    fn programs_that_say_so() {
        let is_bot = |agent: &str| {
            Caller::read(&["GET", "https://e.example/", "", agent].join("\n")).is_bot()
        };
        assert!(is_bot("Mozilla/5.0 (compatible; Googlebot/2.1)"));
        assert!(is_bot("facebookexternalhit/1.1"));
        assert!(is_bot("TelegramBot (like TwitterBot)"));
        assert!(is_bot("WhatsApp/2.24.6.77 A"));
        assert!(!is_bot(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Instagram 400.0"
        ));
    }

    #[test]
    fn what_is_sent_as_utf8_is_read_as_that() {
        let of_bytes = |text: &str| text.bytes().map(char::from).collect::<String>();
        let head = ["GET", &of_bytes("Київстар"), "caf\u{e9}", "plain"].join("\n");
        assert_eq!(as_sent(head), "GET\nКиївстар\ncaf\u{e9}\nplain");
    }

    #[test]
    fn an_ipv6_host_keeps_its_colons() {
        assert_eq!(host_of("[::1]:8787"), "[::1]");
        assert_eq!(host_of("[::1]"), "[::1]");
        assert_eq!(host_of("localhost"), "localhost");
    }
}
